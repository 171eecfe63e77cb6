"""The napari viewer: state, background work, layers and panels."""
