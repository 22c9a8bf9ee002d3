"""Break inputs of every format in many ways, and say what came of it.

    python scripts/fault_campaign.py data --cases 5000 --seed 0 --json results/faults/data.json

`data` are the files of data sets, images, features and weights; `runs` are runs, checkpoints and
results; `kills` are processes that are killed, and started twice at once; `disks` are full ones and
ones that cannot be written to. The exit code is 1 if anything came of it that should not.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from faults import disks, kills
from faults.campaign import campaign
from faults.report import table, write_json

CASES = {"data": 5000, "runs": 5000, "kills": 50}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", choices=["data", "runs", "kills", "disks"])
    parser.add_argument("--cases", type=int, help="5000; of kills 50 of each work")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="formats whose name begins so")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cases = options.cases or CASES.get(options.targets)
    if options.targets == "disks":
        try:
            summed = disks.campaign()
        except PermissionError as error:
            print(f"disks: not tried, {error}")
            return 0
    elif options.targets == "kills":
        summed = kills.campaign(cases, options.seed)
    else:
        summed = break_inputs(options.targets, cases, options.seed, options.only)
    for fault in summed["forbidden"]:
        print("forbidden:", *fault.values(), sep=", ")
    print(f"{summed['cases']} cases in {summed['seconds']} s")
    if options.json:
        write_json(summed, options.json)
    return bool(summed["forbidden"])


def break_inputs(kind: str, cases: int, seed: int, only: str | None) -> dict:
    """The campaign on data or on runs; its two tables are printed."""
    targets = import_module(f"faults.{kind.removesuffix('s')}_targets").TARGETS
    summed = campaign([t for t in targets if t.name.startswith(only or "")], cases, seed)
    print(table(summed, "format"), table(summed, "corruption"), sep="\n\n")
    return summed


if __name__ == "__main__":
    sys.exit(main())
