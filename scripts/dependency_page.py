"""Bring the tables of the page "Dependencies" up to date.

    python scripts/dependency_page.py
    python scripts/dependency_page.py --releases      ask the registry for the last releases as well

The packages are those that `pyproject.toml` declares, with the versions of `constraints.txt`. Their
licences are read from what is installed, the reasons from `scripts/dependencies.toml`. `uv lock`
says when a package was last released; it is kept in `results/versions/releases.json`.
"""

import argparse
import json
import re
import subprocess
import tempfile
import tomllib
from datetime import date
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from dse.utils.files import written_whole

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "chapters" / "dependencies.md"
REASONS = ROOT / "scripts" / "dependencies.toml"
RESULTS = ROOT / "results" / "versions"
RELEASES = RESULTS / "releases.json"
MADE = re.compile(r"<!-- (\w+) -->\n.*?\n<!-- end -->", re.DOTALL)
ENTRY = re.compile(r"^(\S+)\n: .+\\\n  [^·\n]+ · ([^·\n]+) ·", re.MULTILINE)
"""The name of a package and its licence, as the page shows them."""
UNBROKEN = "\N{NON-BREAKING HYPHEN}"
"""Of dates, which would end one line and begin the next."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROBE = """
[tool.uv]
environments = ["sys_platform == 'linux' and platform_machine == 'x86_64'"]
[project]
name = "probe"
version = "0"
requires-python = "==3.12.*"
"""
"""A project that asks for our packages and is only resolved, by uv."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--releases", action="store_true", help="look them up, with uv")
    if parser.parse_args().releases:
        with written_whole(RELEASES) as path:
            path.write_text(json.dumps(look_up_releases(), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def declared() -> dict[str, list[str]]:
    """Names of packages: `core`, and those of each extra."""
    groups = {"core": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    return {
        group: [re.split("[<>=]", line)[0] for line in lines] for group, lines in groups.items()
    }


def pinned() -> dict[str, str]:
    """The versions of the book's environment, and Gradio's beside it."""
    lines = [
        line
        for file in ("constraints-demo.txt", "constraints.txt")  # the book's Pillow counts
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
    ]
    return {
        normalised(name): version
        for name, version in (line.split("==") for line in lines if "==" in line)
    }


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(name: str) -> str | None:
    """What a package's own metadata say; None where it is not installed."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    classifiers = [
        line.split(" :: ")[-1]
        for line in about.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    said = about.get("License-Expression") or about.get("License") or ""
    if said in ("", "UNKNOWN") or len(said) > 200:  # a whole text
        said = ", ".join(classifiers)
    return said.removesuffix(" License").replace(" AND ", ", ") or "none named"


def updated(text: str) -> str:
    """The page with the tables that follow its marks made anew."""
    groups = declared()
    made = {group: lambda group=group: packages([group], text) for group in ("core", "book", "dev")}
    made["extras"] = lambda: packages([g for g in groups if g not in made], text)
    made |= {"versions": versions, "date": when}
    return MADE.sub(lambda found: f"<!-- {found[1]} -->\n{made[found[1]]()}\n<!-- end -->", text)


def packages(groups: list[str], text: str) -> str:
    """The packages of some groups. A licence that is not installed here stays as it was shown."""
    reasons = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    releases = json.loads(RELEASES.read_text(encoding="utf-8"))["packages"]
    shown, entries = dict(ENTRY.findall(text)), []
    for group in groups:
        for name in declared()[group]:
            newest, day = releases[name]
            day = day.replace("-", UNBROKEN)
            version, reason = pinned()[normalised(name)], reasons[name]
            facts = [
                version,
                licence(name) or shown.get(name, "none named"),
                f"last release {day}" if newest == version else f"last release {newest}, {day}",
            ]
            if len(groups) > 1:
                facts.insert(2, f"extra `{group}`")
            what = reason["what"][0].upper() + reason["what"][1:]
            facts = " · ".join(facts)
            entries.append(f"{name}\n: {what}. *Instead:* {reason['instead']}.\\\n  {facts}\n")
    return "\n".join(entries)


def when() -> str:
    looked_up = json.loads(RELEASES.read_text(encoding="utf-8"))["looked_up"]
    return f"Looked up on {looked_up.replace('-', UNBROKEN)}."


def versions() -> str:
    """What came of the tests with the lowest versions and others."""
    rows = []
    for path in sorted(RESULTS.glob("*.json"), key=lambda path: path.name):
        about = json.loads(path.read_text(encoding="utf-8"))
        if path == RELEASES:
            continue
        some = ", ".join(f"{n} {about['versions'][n]}" for n in ("torch", "numpy", "pandas"))
        counts = [str(n) for n in (about["passed"], len(about["failed"]), about["skipped"])]
        rows.append([path.stem, about["python"], some, *counts])
    return table(["versions", "Python", "among them", "passed", "failed", "skipped"], rows)


def look_up_releases() -> dict:
    """The last version of each package that our bounds allow, and the day of its release."""
    groups = {"core": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    found = {}
    for lines in (
        groups["demo"],  # by itself: it allows no new Pillow
        [line for group in groups if group != "demo" for line in groups[group]],
    ):
        with tempfile.TemporaryDirectory() as folder:
            project = PROBE + f"dependencies = {json.dumps(lines)}\n"
            Path(folder, "pyproject.toml").write_text(project, encoding="utf-8")
            subprocess.run(["uv", "lock", "--quiet"], cwd=folder, check=True)
            lock = tomllib.loads(Path(folder, "uv.lock").read_text(encoding="utf-8"))
        for package in lock["package"]:
            files = [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
            if files:
                day = min(file["upload-time"] for file in files)[:10]
                found[package["name"]] = [package["version"], day]
    names = [name for group in declared().values() for name in group]
    return {
        "looked_up": date.today().isoformat(),
        "packages": {name: found[normalised(name)] for name in names},
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
