"""Training images like the scans, made in torch on the device of the training."""
