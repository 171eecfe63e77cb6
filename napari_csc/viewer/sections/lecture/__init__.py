"""Lecture mode: what is left of the viewer in front of a class."""
