"""Inspect: which filters make the image at a place."""
