"""Figures of finished results."""
