"""Progress bars: shown in a terminal, unless they are not wanted; one rule for all."""

import io
from pathlib import Path

import pytest

import dse
from dse.utils.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("progress", "disabled", "file", "shown"),
    [
        (True, "", Terminal(), True),
        (False, "", Terminal(), False),
        (True, "1", Terminal(), False),
        (True, "", io.StringIO(), False),
    ],
)
def test_when_a_bar_is_shown(progress, disabled, file, shown, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", disabled)
    assert list(progress_bar([1, 2], progress=progress, file=file)) == [1, 2]
    assert bool(file.getvalue()) == shown


def test_there_is_one_place_that_makes_bars():
    library = Path(dse.__file__).parent
    makers = [file.name for file in library.rglob("*.py") if "tqdm(" in file.read_text()]
    assert makers == ["progress.py"]
