"""Dictionary: which filters."""
