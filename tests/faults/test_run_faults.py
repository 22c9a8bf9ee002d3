"""A short form of the fault campaign on runs, checkpoints, results and arguments.

The whole of it: `python scripts/fault_campaign.py runs`.
"""

from faults.campaign import campaign
from faults.run_targets import TARGETS


def test_nothing_forbidden_comes_of_a_fault():
    summed = campaign(TARGETS, number=600, seed=0)
    assert summed["forbidden"] == []
    refused = sum(cell["refused"] for cell in summed["table"])
    assert refused > 300  # the faults are faults
