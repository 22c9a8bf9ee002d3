"""Run the core's unit tests with the versions that are installed, and note what came of them.

    python scripts/try_versions.py lowest      writes results/versions/lowest.json

The page "Dependencies" says how to make an environment of the lowest or of the newest versions, and
shows what was found.
"""

import argparse
import json
import platform
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from dse.utils.files import written_whole

ROOT = Path(__file__).resolve().parent.parent
TESTS = (
    "tests/test_objective.py", "tests/test_evaluation.py", "tests/test_sampling.py",
    "tests/text/test_tokens.py", "tests/text/test_encoders.py", "tests/text/test_transformer.py",
    "tests/utils", "tests/datasets/test_cub.py", "tests/datasets/test_flowers.py",
    "tests/datasets/test_folder.py", "tests/training/test_optimizer.py",
    "tests/training/test_loop.py", "tests/search/test_exact.py",
)  # fmt: skip


class Counts:
    """A plugin of pytest: how many tests passed, failed and were skipped, and which failed."""

    def __init__(self):
        self.passed, self.skipped, self.failed = 0, 0, []

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
        elif report.skipped:
            self.skipped += 1
        elif report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of the set of versions, and of the file")
    name = parser.parse_args().name
    counts = Counts()
    tests = [str(ROOT / test) for test in TESTS]
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *tests], [counts])
    result = {
        "python": platform.python_version(),
        "passed": counts.passed,
        "skipped": counts.skipped,
        "failed": counts.failed,
        "versions": installed(),
    }
    with written_whole(ROOT / "results" / "versions" / f"{name}.json") as path:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(code)


def installed() -> dict[str, str]:
    """The versions of the declared dependencies that are here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    names = [
        re.split("[<>=]", line)[0]
        for line in project["dependencies"] + [line for extra in extras for line in extra]
    ]
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


if __name__ == "__main__":
    main()
