"""Numbers of pictures: views, windows, places. No napari."""
