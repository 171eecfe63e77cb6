"""Training of map networks and evaluation."""
