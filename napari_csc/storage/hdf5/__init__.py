"""HDF5 that may be damaged or foreign: looked through before the library reads it."""
