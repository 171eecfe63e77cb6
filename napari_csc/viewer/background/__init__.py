"""Work beside the thread of the viewer."""
