"""Chapter 7 shows the paper's figures as they were published."""

import json
import re
from pathlib import Path

from dse.reproduction import read_paper

ROOT = Path(__file__).parents[2]
CHAPTER = json.loads((ROOT / "chapters" / "07_birds.ipynb").read_text())
PAPER = read_paper()


def shown(start):
    """The table that the cell with this beginning shows: rows of the texts of its cells."""
    (cell,) = [own for own in CHAPTER["cells"] if "".join(own["source"]).startswith(start)]
    (output,) = cell["outputs"]
    page = "".join(output["data"]["text/html"])
    rows = re.findall(r"<tr.*?>(.*?)</tr>", page, re.DOTALL)
    return [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]


def test_every_figure_of_table_1_is_shown_as_published():
    header, *rows = shown("paper_table(")
    table = {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}
    for encoder, own in PAPER["table1"]["rows"].items():
        for metric, called in (("top1", "top-1"), ("ap50", "AP@50")):
            assert table[encoder][f"{called}, paper"] == f"{own[metric]['ds']:.1f}"
    later = {"bag-of-bigrams", "word2vec-standardised", "word-transformer", "sentence-vectors"}
    assert set(table) == {*PAPER["table1"]["rows"], *later}
    assert all(table[name]["top-1, paper"] == "–" for name in later)


def test_the_chapter_holds_no_image_path_and_no_caption_of_cub():
    text = json.dumps([cell.get("outputs") for cell in CHAPTER["cells"]])
    text = re.sub(r'"image/png": "[^"]*"', "", text)
    assert "text_c10" not in text and ".jpg" not in text


def test_the_black_birds_and_the_yellow_eye(real_root):
    """What the chapter says of captions that it cannot show."""
    texts = real_root / "cvpr2016_cub" / "text_c10"
    shares = {}
    for name in ("029.American_Crow", "009.Brewer_Blackbird", "004.Groove_billed_Ani"):
        files = sorted((texts / name).glob("*.txt"))
        captions = [
            line for file in files for line in file.read_text(errors="replace").splitlines()
        ]
        for word in ("black", "yellow"):
            hits = sum(
                word in re.findall("[a-z]+", caption.lower())
                for caption in captions
                if caption.strip()
            )
            shares[name, word] = hits / len(captions)
    black = [round(share, 2) for (_, word), share in shares.items() if word == "black"]
    assert black == [0.98, 0.88, 0.95]
    assert round(shares["009.Brewer_Blackbird", "yellow"], 2) == 0.23
