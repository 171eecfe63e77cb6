"""Scans: k-space with all that is needed to reconstruct it."""
