"""A case as one HTML file that opens anywhere, prints well, and names nobody unless asked."""
