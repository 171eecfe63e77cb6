"""A synthetic head, drawn by rules: anatomy without any person behind it."""
