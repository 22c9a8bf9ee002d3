"""Figures of a search: they draw what they are given, also names that no font has."""

import numpy as np
import torch
from PIL import Image

from dse.search.calibration import calibration
from dse.search.plots import (
    confusion_heatmap,
    contact_sheet,
    reliability_diagram,
    save_png,
    to_svg,
)


def test_a_contact_sheet_shows_every_image_whole(tmp_path):
    images = [
        Image.new("RGB", size, "red") for size in ((40, 20), (20, 40), (30, 30), (9, 9), (9, 9))
    ]
    titles = ["1. $a_b", "2. 鳥.png", "3. " + "x" * 200, "4.", "5."]
    figure = contact_sheet(images, titles, "a $red bird, \\frac{1}")
    drawn = [axis.get_images()[0].get_array() for axis in figure.axes if axis.get_images()]
    assert [array.shape[:2] for array in drawn] == [(40, 40), (40, 40), (30, 30), (9, 9), (9, 9)]
    assert (drawn[0][10:30] == (255, 0, 0)).all()
    save_png(figure, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.getpixel((2, 2))[:3] == (255, 255, 255)


def test_a_confusion_names_its_classes_and_counts():
    figure = confusion_heatmap(torch.tensor([[3, 1], [0, 2]]), ["a $wren", "鳥"])
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a $wren", "鳥"]
    assert sorted(text.get_text() for text in axis.texts if text.get_text()) == ["1", "2", "3"]
    assert to_svg(figure) == to_svg(figure)


def test_a_class_without_an_image_has_an_empty_row():
    figure = confusion_heatmap(torch.tensor([[3, 1], [0, 0]]), ["wren", "jay"])
    shares = figure.axes[0].collections[0].get_array()
    np.testing.assert_array_equal(shares.filled(-1), [[0.75, 0.25], [-1, -1]])


def test_a_reliability_diagram_has_a_mark_for_each_bin():
    scores = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    measured = calibration(scores, torch.tensor([0, 0, 0]), 1.0)
    figure = reliability_diagram({"as they are": measured})
    (marks,) = figure.axes[0].collections
    assert len(marks.get_offsets()) == len(measured.bins) == 2
