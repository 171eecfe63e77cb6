"""Compare: two results beside one another."""
