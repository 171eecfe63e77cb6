"""``python -m napari_csc``: the same as the program ``napari-csc``."""

from napari_csc.cli import app

if __name__ == "__main__":
    app()
