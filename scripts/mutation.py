"""How many changes of the code do its tests notice? Mutation testing with mutmut.

    pip install -c constraints.txt mutmut
    python scripts/mutation.py --json results/mutation.json

mutmut changes one thing at a time in the modules below (an operator, a number, an argument, a
string), runs the tests that reach it, and calls the change killed if one of them fails. The file
lists what survives, with a judgement where `mutation_judged.json` has one, and keeps what was
noticed before tests were added. Doctests do not take part: they would fail on mutmut's own copies
of a function. About half an hour on two cores.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = {
    "dse/objective.py": "tests/test_objective.py",
    "dse/sampling.py": "tests/test_sampling.py",
    "dse/evaluation.py": "tests/test_evaluation.py",
    "dse/text/tokens.py": "tests/text/test_tokens.py",
    "dse/reproduction/intervals.py": "tests/reproduction/test_intervals.py",
    "dse/reproduction/claims.py": "tests/reproduction/test_claims.py",
}
CLAIMS = TESTS["dse/reproduction/claims.py"]
SLOW = f"{CLAIMS}::test_no_verdict_on_the_measured_runs_depends_on_the_draws"
PROFILE = """

from hypothesis import Phase
settings.register_profile(  # the same examples for each mutant, and none made smaller
    "mutation", deadline=None, derandomize=True, database=None, max_examples=50,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("mutation")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        subprocess.run(
            [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", "run"],
            cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True,
        )  # fmt: skip
        result = read(Path(folder))
    arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def prepare(folder: Path) -> None:
    """A copy of the code and its tests, with mutmut's settings."""
    for name in ("dse", "tests", "scripts", "results"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    with (folder / "tests/conftest.py").open("a", encoding="utf-8") as file:
        file.write(PROFILE)
    settings = {
        "source_paths": ["dse"],
        "only_mutate": list(TESTS),
        "also_copy": ["results", "scripts"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "--deselect", SLOW],
        "pytest_add_cli_args_test_selection": list(TESTS.values()),
        "use_git_change_detection": ["false"],
    }
    lines = [name + "=" + "\n\t".join(values) for name, values in settings.items()]
    (folder / "setup.cfg").write_text("\n".join(["[mutmut]", *lines, ""]), encoding="utf-8")


def read(folder: Path) -> dict:
    """What became of the mutants of each module, from mutmut's own files."""
    judged_file = Path(__file__).with_name("mutation_judged.json")
    judged = json.loads(judged_file.read_text(encoding="utf-8"))
    before_file = ROOT / "results/mutation.json"
    before = json.loads(before_file.read_text(encoding="utf-8"))
    modules = {}
    for module in TESTS:
        meta = folder / "mutants" / f"{module}.meta"
        if not meta.exists():
            continue
        codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        tested = {name: code for name, code in codes.items() if code is not None}
        survivors = [change(folder, name) for name, code in tested.items() if code in (0, 33)]
        modules[module] = {
            "before": before[module]["before"],
            "mutants": len(tested),
            "killed": len(tested) - len(survivors),
            "survivors": [
                {"change": own, "judgement": judged.get(own[-1].strip("+ "))} for own in survivors
            ],
        }
    return modules


def change(folder: Path, name: str) -> list[str]:
    """The lines of a mutant that differ from the code."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    with contextlib.chdir(folder):
        lines = get_diff_for_mutant(name).splitlines()
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


if __name__ == "__main__":
    main()
