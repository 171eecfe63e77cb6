"""Evaluation: methods on test images, figures, intervals, tables."""
