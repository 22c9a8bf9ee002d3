"""The fault campaign for data files, in its short form."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "fault_campaign.py"
CASES = 500


def test_nothing_forbidden_comes_of_damaged_data(tmp_path):
    figures = tmp_path / "faults.json"
    command = [sys.executable, SCRIPT, "data", "--cases", str(CASES), "--json", figures]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    summed = json.loads(figures.read_text()) if figures.exists() else {"forbidden": ended.stderr}
    assert not summed["forbidden"]
    assert ended.returncode == 0 and summed["cases"] == CASES
