"""What if: maps that are changed by hand, and the image that follows."""
