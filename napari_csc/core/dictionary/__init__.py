"""Filters: where they come from, and what they do to images."""
