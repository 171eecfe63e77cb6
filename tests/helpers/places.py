"""Where measured data and the shipped sample are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA_FOLDER = Path(os.environ.get("NAPARI_CSC_DATA", ROOT.parent / "shared" / "data"))
SAMPLE_SCAN = ROOT / "sample_data" / "head_phantom_lowfield.h5"
