"""Sphinx settings; `make docs` builds with warnings as errors."""

from importlib.metadata import version as installed_version

import napari_csc
from napari_csc.core.waiting_threads import let_waiting_threads_sleep

# The tutorials compute: before they load torch, as the command line does.
let_waiting_threads_sleep()

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
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",  # copies MathJax into the pages: equations need no network
]
# The folders of scripts are read by the gallery, which writes pages into `built`.
PAGES_THAT_RUN = ("tutorials", "gallery", "theory")
exclude_patterns = ["_build", *PAGES_THAT_RUN]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": list(PAGES_THAT_RUN),
    "gallery_dirs": [f"built/{name}" for name in PAGES_THAT_RUN],
    "filename_pattern": r"\.py$",  # all of them run
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "thumbnail_size": (320, 224),
}

# Types stand in the signatures once; the members keep the order of the source.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# Not by the text of the source: some signatures are made from the settings model.
autodoc_preserve_defaults = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # dataclass fields are listed by autodoc already

mathjax_path = "mathjax/tex-chtml.js"
html_static_path = ["static"]
html_css_files = ["lessons.css"]
html_theme = "furo"
html_title = "napari-csc"
copybutton_exclude = ".linenos, .gp, .go"

# The package's names are lazy; autodoc lists only those that have been looked up.
for name in napari_csc.__all__:
    setattr(napari_csc, name, getattr(napari_csc, name))
