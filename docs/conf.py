"""Sphinx settings; `make docs` builds with warnings as errors."""

from importlib.metadata import version as installed_version

import napari_csc

project = "napari-csc"
author = "The napari-csc developers"
copyright = "The napari-csc developers"
release = version = installed_version("napari-csc")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Types stand in the signatures once; the members keep the order of the source.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# Not by the text of the source: some signatures are made from the settings model.
autodoc_preserve_defaults = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # dataclass fields are listed by autodoc already

html_theme = "furo"
html_title = "napari-csc"
copybutton_exclude = ".linenos, .gp, .go"

# The package's names are lazy; autodoc lists only those that have been looked up.
for name in napari_csc.__all__:
    setattr(napari_csc, name, getattr(napari_csc, name))
