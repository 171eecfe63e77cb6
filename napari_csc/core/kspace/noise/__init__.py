"""The noise level: what it is, how it was found, and whether it can be believed."""
