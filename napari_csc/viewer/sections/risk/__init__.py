"""Risk: which dictionary and which strength suit this scan, without a truth."""
