"""Sphinx builds docs/ as a site from this: `make docs`."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "scratchnn"
author = "the scratchnn authors"
copyright = "2026, the scratchnn authors"
version = release = version_of("scratchnn")
extensions = ["myst_parser", "sphinx.ext.autodoc", "by_number", "gallery", "outside", "plain_docstrings"]
exclude_patterns = ["extensions"]
root_doc = "index"

html_theme = "furo"
html_title = f"scratchnn {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

myst_heading_anchors = 4  # the pages link to their headings as GitHub names them
myst_enable_extensions = []
suppress_warnings = ["myst.header"]  # a page may begin below its first level
autodoc_typehints = "none"  # the docstrings give shapes and types
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # a method that says nothing of its own is that of the class above
