"""Scans as they arrive: in a stream, in a folder."""
