"""Break inputs of every format in many ways, and say what came of it.

    python scripts/fault_campaign.py data --cases 5000 --seed 0 --json results/faults/data.json

`data` are the files of data sets, images, features and weights; `runs` are runs, checkpoints and
results. The exit code is 1 if anything came of it that should not.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from faults.campaign import campaign
from faults.report import table, write_json


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", choices=["data", "runs"])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="formats whose name begins so")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    targets = import_module(f"faults.{options.targets.removesuffix('s')}_targets").TARGETS
    targets = [t for t in targets if t.name.startswith(options.only or "")]
    summed = campaign(targets, options.cases, options.seed)
    print(table(summed, "format"), table(summed, "corruption"), sep="\n\n")
    for fault in summed["forbidden"]:
        print(f"forbidden: {fault['format']}, {fault['corruption']}: {fault['what']}")
    print(f"{summed['cases']} cases in {summed['seconds']} s")
    if options.json:
        write_json(summed, options.json)
    return bool(summed["forbidden"])


if __name__ == "__main__":
    sys.exit(main())
