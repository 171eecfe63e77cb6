"""Train a map network together with a dictionary, on images made on the device."""
