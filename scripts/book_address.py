"""A Sphinx extension: the book's public address, from pyproject.toml, into all that names it.

Without an address there are no buttons to the repository and to Colab, and no canonical links:
none of them would lead anywhere. `scripts/set_address.py` sets it.
"""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLAB = "https://colab.research.google.com"


def setup(app) -> dict:
    app.connect("config-inited", name_address, priority=100)
    return {"parallel_read_safe": True}


def name_address(app, config) -> None:
    """Give the theme and the social cards the addresses that are known."""
    urls = read_address(ROOT)
    if "Repository" in urls:
        config.html_theme_options |= {
            "repository_url": urls["Repository"],
            "repository_branch": "main",
            "use_repository_button": True,
            "use_issues_button": True,
            "launch_buttons": {"notebook_interface": "jupyterlab", "colab_url": COLAB},
        }
    if "Documentation" in urls:
        config.html_baseurl = config.ogp_site_url = urls["Documentation"]


def read_address(root: Path) -> dict[str, str]:
    """The section [project.urls]: `Repository`, `Documentation`; empty while there is none."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {})
