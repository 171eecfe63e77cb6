"""Many scans at once: slices are mapped over processes."""
