"""The code on the book's plain pages runs as it stands."""

import re
from pathlib import Path

import dse
from dse.training import TrainingConfig

CHAPTERS = Path(__file__).parent.parent / "chapters"


def test_the_ten_lines_of_the_embedding_page(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (CHAPTERS / "embed.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    data = dse.load_dataset("fieldguide")
    config = TrainingConfig("bag-of-words", steps=2)
    dse.train(data, config, out="runs/fieldguide", progress=False)
    names = {}
    exec(code, names)
    assert names["embeddings"].shape == (2, 1024)
    assert len(names["scores"]) == len(data.labels)
