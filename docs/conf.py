"""The configuration of the documentation site: ``make docs`` builds it in English and Chinese."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from legacy_nets import registry
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.version import __version__

quiet_tensorflow()  # before the extensions import it

project = "legacy_nets"
author = "The legacy_nets team"
copyright = "The legacy_nets team, Apache-2.0"
release = version = __version__
language = "en"  # make docs gives zh_CN for the second site

extensions = [
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "legacy_nets_site",
    "book_directives",
    "block_directives",
    "chinese_search",
    "docstrings",
    "generated_pages",
    "run_notebooks",
    "small_assets",
    "trained_figures",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build", "_ext", "locale", "notebooks/*.ipynb", "**/.ipynb_checkpoints"]
if tags.has("po"):  # noqa: F821 (Sphinx defines it): pages that stay English
    exclude_patterns += ["api/legacy_nets*", "project/changelog.md"]
    # The pages of nets have the same texts: one net of each document is enough.
    nets = ("cnn_lstm", "hand_signs", "inception_v3", "resnet_v2_50", "demo_cnn")
    exclude_patterns += [f"nets/{name}.md" for name in registry.list_nets() if name not in nets]

smartquotes = False  # code, file names and messages keep their quotes
highlight_language = "text"  # blocks without a language: commands and what they print

# Markdown
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4

# Notebooks: a page with `file_format: mystnb` runs when the site is built. Both languages share
# what the cells output.
nb_execution_mode = "off" if tags.has("po") else "cache"  # noqa: F821
nb_execution_cache_path = str(Path(__file__).parent / "_build" / "cells")
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_output_stderr = "remove"
nb_code_prompt_show = "Show the answer"  # cells that are hidden answer exercises
nb_code_prompt_hide = "Hide the answer"
nb_merge_streams = True  # what a cell prints is one block
os.environ["PYTHONSTARTUP"] = str(Path(__file__).parent / "_ext" / "quiet_cells.py")
os.environ["IPYTHONDIR"] = str(Path(__file__).parent / "_build" / "ipython")  # not the user's own
_profile = Path(os.environ["IPYTHONDIR"], "profile_default")
_profile.mkdir(parents=True, exist_ok=True)
(_profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 'ERROR'\n", "utf-8")

# Reference
_EXTRAS = ("av", "libcst", "onnx", "onnxruntime", "openvino", "safetensors", "tf2onnx")
_EXTRAS += ("timm", "torch", "torchvision")
autodoc_mock_imports = [name for name in _EXTRAS if importlib.util.find_spec(name) is None]
suppress_warnings = ["ref.python"]  # a short name in a signature that two modules define
if tags.has("po"):  # noqa: F821 (what is about the pages that are left out)
    suppress_warnings += ["myst.xref_missing", "myst-nb.lexer"]
    suppress_warnings += ["toc.excluded", "toc.not_readable", "image.not_readable"]
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

# Translations: locale/zh_CN/LC_MESSAGES has a .po for each folder and page (make docs-po). The
# texts of directives are the package's, not the site's.
locale_dirs = ["locale"]
gettext_compact = True
gettext_uuid = False
gettext_location = False
gettext_additional_targets = []

# Pages: nothing is loaded from elsewhere, and all works from file://
html_theme = "sphinx_book_theme"
html_title = "legacy_nets"
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css", "playgrounds/playgrounds.css"]
html_js_files = ["site.js"]  # small_assets adds those of playgrounds to their pages
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "show_navbar_depth": 1,
    "max_navbar_depth": 3,
    "show_toc_level": 2,
    "use_download_button": False,
    "navbar_persistent": [],  # the sidebar has the search
    "article_header_end": ["language.html", "article-header-buttons.html"],
}
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
