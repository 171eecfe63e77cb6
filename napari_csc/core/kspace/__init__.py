"""k-space as arrays: transforms, sampling, coils, noise."""
