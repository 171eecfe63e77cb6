"""Trust: would a lesion have survived here, how much noise is left, how sharp is this place."""
