"""What each layer of the plugin is, by name."""

INITIAL = "initial image"
RECONSTRUCTION = "reconstruction"
SMOOTH = "smooth part"
MAPS = "sparsity maps"
REFERENCE = "reference"
KSPACE = "sampled k-space (log)"
CODE = "code of the filter"
CONTRIBUTION = "contribution of the filter"
RULERS = "ruling filters"

OUTPUTS = (SMOOTH, RECONSTRUCTION, MAPS, CONTRIBUTION, CODE, RULERS)
"""Made by a run, from bottom to top."""
