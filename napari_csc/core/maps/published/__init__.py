"""The map networks of the authors of the method, and their checkpoints."""
