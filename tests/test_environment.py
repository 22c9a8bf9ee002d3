"""The files that describe the environment and the book agree with each other."""

import importlib.util
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location(
    "dependency_page", ROOT / "scripts" / "dependency_page.py"
)
dependency_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dependency_page)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = (
    "efficientnet", "timm", "minilm", "clip", "explain", "tensorboard", "ray", "faiss", "book",
    "dev",
)  # fmt: skip


def pinned():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements():
    return PROJECT["dependencies"] + [
        line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra]
    ]


def test_every_requirement_is_a_lower_bound_with_an_exact_version_in_the_book():
    versions = {normalised(name): version for name, version in pinned().items()}
    for line in requirements():
        name = re.split(r"[<>=]", line)[0]
        assert ">=" in line and "==" not in line, line
        assert normalised(name) in versions, f"{name} has no exact version in constraints.txt"


def test_jupyter_book_stays_below_2():
    (line,) = [line for line in requirements() if line.startswith("jupyter-book")]
    assert line.endswith("<2")
    assert pinned()["jupyter-book"] == "1.0.4.post1"


def test_conda_users_get_the_same_environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert packages["pip"] == ["-c constraints.txt", f"-e .[{','.join(EXTRAS)}]"]
    version = tuple(int(part) for part in python.split("=")[1].split("."))
    assert version >= tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    assert pip == "pip"


def test_make_installs_what_environment_yml_installs():
    assert f".[{','.join(EXTRAS)}]" in (ROOT / "Makefile").read_text()


def test_the_readmes_two_commands_are_targets():
    readme = (ROOT / "README.md").read_text()
    block = readme.split("<!-- the two commands -->")[1].split("```")[1]
    commands = [line for line in block.splitlines() if line.startswith("make ")]
    assert commands == ["make book", "make test"]
    for command in commands:
        done = subprocess.run(
            [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 0


def test_each_term_of_the_glossary_is_defined_once():
    terms = re.findall(r"^(\S.*)\n  +\S", (ROOT / "chapters/glossary.md").read_text(), re.MULTILINE)
    assert len(terms) >= 20
    assert len(terms) == len(set(terms))


@pytest.mark.parametrize("path", sorted((ROOT / "dse").rglob("*.py")), ids=lambda p: p.name)
def test_rules_of_the_house(path):
    text = path.read_text()
    folder = path.relative_to(ROOT / "dse").parts[0]
    assert len(text.splitlines()) <= 330, "a file that passes 300 lines is two ideas"
    if folder != "plots" and path.name != "plots.py":
        assert "matplotlib" not in text
    if path.name != "cli.py":
        assert "ArgumentParser" not in text
    if folder == "text":
        assert "dse.images" not in text and "dse.datasets" not in text
    if folder == "images":
        assert "dse.text" not in text


def test_the_package_is_described_where_it_is_cited():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_every_dependency_has_a_reason_and_no_reason_is_stale():
    """After a change: scripts/dependencies.toml, then scripts/dependency_page.py --releases."""
    names = [name for group in dependency_page.declared().values() for name in group]
    reasons = tomllib.loads(dependency_page.REASONS.read_text(encoding="utf-8"))
    releases = json.loads(dependency_page.RELEASES.read_text(encoding="utf-8"))["packages"]
    assert set(reasons) == set(names) == set(releases)
    assert all(reasons[name]["what"] and reasons[name]["instead"] for name in names)


def test_the_page_of_dependencies_is_as_declared():
    text = dependency_page.PAGE.read_text(encoding="utf-8")
    assert dependency_page.updated(text) == text, "run: python scripts/dependency_page.py"
    names = [name for group in dependency_page.declared().values() for name in group]
    assert sorted(name for name, _ in dependency_page.ENTRY.findall(text)) == sorted(names)
