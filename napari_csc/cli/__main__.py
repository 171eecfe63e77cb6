"""``python -m napari_csc.cli``: the same as the program ``napari-csc``."""

from napari_csc.cli import app

app()
