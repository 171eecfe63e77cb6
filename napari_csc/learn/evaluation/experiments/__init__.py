"""What is measured: one experiment a file, and their table."""
