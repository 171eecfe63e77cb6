"""Training of map networks."""
