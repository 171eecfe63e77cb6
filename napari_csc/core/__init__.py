"""Numbers only: operators, solvers, map networks. Knows no Qt, no napari and no file formats."""
