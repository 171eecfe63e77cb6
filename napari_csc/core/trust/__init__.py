"""Can a region of a result be trusted: changes of maps, lesions, noise left, resolution, risk."""
