"""Learning of dictionaries."""
