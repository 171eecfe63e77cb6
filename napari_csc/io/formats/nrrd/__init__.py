"""NRRD files, attached and detached."""
