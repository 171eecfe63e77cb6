"""Bare arrays of any container: which one, which axes, what it means."""
