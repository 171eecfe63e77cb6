"""ISMRMRD (MRD) files: raw data and images."""
