"""Killed at any moment and started again, or started twice, work ends as if nothing had happened.

A short form: `python scripts/fault_campaign.py kills` does it fifty times.
"""

import pytest

from faults.kills import kills, together
from faults.works import BOOK, WORKS


@pytest.mark.parametrize("work", [*WORKS, BOOK], ids=lambda work: work.name)
def test_a_kill_leaves_no_trace(work):
    number = 1 if work is BOOK else 2
    row = kills(work, number, seed=1)
    assert row["kills"] == row["same"] == number, row["wrong"]


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_two_at_once_end_well_or_one_is_refused(work):
    assert not together(work, 1, seed=1)["wrong"]
