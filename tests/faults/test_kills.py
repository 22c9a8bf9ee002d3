"""Killed at any moment and started again, a command ends as if nothing had happened."""

import json

from faults.killed import CELLS, embeds, evaluates, kill_at_random, measures
from faults.run_roots import a_run

KILLS = 15


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def figures(folder):
    """The results without what differs from one run to the next."""
    return {
        path.name: json.loads(path.read_text(encoding="utf-8")) | {"minutes": 0, "sha256": ""}
        for path in folder.iterdir()
    }


def test_the_grid(tmp_path):
    measures(tmp_path / "undisturbed")
    assert kill_at_random(measures, tmp_path / "killed", KILLS, seconds=0.5) > KILLS // 2
    assert names(tmp_path / "killed") == sorted(f"{cell.name}.json" for cell in CELLS)
    assert figures(tmp_path / "killed") == figures(tmp_path / "undisturbed")


def test_figures_and_rows(tmp_path):
    for folder in (tmp_path / "undisturbed", tmp_path / "killed"):
        folder.mkdir()
        a_run(folder, dim=1024)
        (folder / "captions.txt").write_text("a red crown\n" * 9000, encoding="utf-8")
        kills = KILLS if folder.name == "killed" else 0
        for work in (evaluates, embeds):
            assert kill_at_random(work, folder, kills, seconds=0.3) >= kills // 2
        assert names(folder) == ["captions.txt", "figures.json", "rows.npy", "run"]
    for name in ("figures.json", "rows.npy"):
        one, other = (tmp_path / kind / name for kind in ("undisturbed", "killed"))
        assert one.read_bytes() == other.read_bytes()
