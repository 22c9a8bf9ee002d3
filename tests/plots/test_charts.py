"""The charts show the numbers that they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from dse import plots


def test_bars_show_their_numbers_and_the_chance_level():
    figure = plots.bars({"bag-of-words": [49.4, -0.2]}, ["right", "wrong"], "images (%)", chance=2)
    (axis,) = figure.axes
    assert [bar.get_height() for bar in axis.patches] == [49.4, -0.2]
    assert [text.get_text() for text in axis.texts] == ["49", "0"]
    assert axis.get_lines()[0].get_ydata()[0] == 2
    assert to_hex(axis.patches[0].get_facecolor()) == plots.ENCODER_COLOURS["bag-of-words"].lower()


def test_a_bar_below_zero_has_its_number():
    (axis,) = plots.bars({"change": [-7.6, 0.5]}, ["one", "other"], "points").axes
    assert [text.get_text() for text in axis.texts] == ["\N{MINUS SIGN}8", "0"]


def test_many_bars_have_no_numbers():
    labels = list("abcdefghijklm")
    assert len(plots.bars({"one": [1.0] * 12}, labels[:12], "").axes[0].texts) == 12
    assert not plots.bars({"one": [1.0] * 13}, labels, "").axes[0].texts


def test_bars_with_intervals():
    figure = plots.bars({"a": [1, 2]}, ["x", "y"], "", intervals={"a": [(0, 2), (1, 5)]})
    (lines,) = figure.axes[0].collections
    assert [line[:, 1].tolist() for line in lines.get_segments()] == [[0, 2], [1, 5]]


def test_a_training_curve_begins_at_the_first_step_and_is_a_mean_of_fifty():
    loss = np.arange(100.0)
    history = pd.DataFrame({"loss": loss}, index=range(1, 101))
    (line,) = plots.training_curve({"char-cnn": history}, "loss", "loss").axes[0].get_lines()
    assert line.get_xdata()[0] == 1 and line.get_ydata()[0] == loss[0]
    assert line.get_ydata()[-1] == pytest.approx(loss[50:].mean())


def test_a_strip_has_a_dot_for_each_number_and_a_bar_at_each_mean():
    values = {"bag-of-words": [10.0, 20, 60], "char-cnn": [50.0, 70, 90]}
    figure = plots.strip(values, "right (%)", chance=50)
    figure.canvas.draw()
    *dots, means = figure.axes[0].collections
    assert [sorted(own.get_offsets()[:, 0]) for own in dots] == list(values.values())
    assert means.get_offsets()[:, 0].tolist() == [30, 70]


def test_all_of_a_strip_lies_within_its_figure():
    crowded = {"a species, described in many words": [50.0] * 40, "char-cnn": [90.0] * 40}
    figure = plots.strip(crowded, "score with the first less score with the second", chance=50)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    texts = [axis.xaxis.label, *axis.get_yticklabels()]
    corners = [text.get_window_extent().get_points() for text in texts]
    dots = [axis.transData.transform(own.get_offsets()) for own in axis.collections]
    places = np.concatenate(corners + dots)
    assert (places >= 0).all() and (places <= figure.bbox.size).all()


def test_a_line_at_zero_is_no_chance_level():
    figure = plots.strip({"char-cnn": [-1.0, 2]}, "difference", chance=0)
    assert figure.axes[0].get_lines()[0].get_xdata()[0] == 0
    assert not figure.legends


def test_points_may_have_a_chance_level_each_and_no_interval():
    rows = {"text_encoder": ["crown", "crest"], "value": [99.0, 97], "chance": [16.7, 50]}
    figure = plots.points(pd.DataFrame(rows), "right (%)")
    drawn = [
        (line.get_marker(), *line.get_xdata(), *line.get_ydata())
        for line in figure.axes[0].get_lines()
    ]
    assert drawn == [("|", 16.7, 0), ("o", 99, 0), ("|", 50, 1), ("o", 97, 1)]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["chance level"]


def test_encoders_from_outside_look_like_no_other():
    names = ["char-cnn-rnn", "mine", "yours", "bag-of-words"]
    points = plots.points(pd.DataFrame({"text_encoder": names, "value": 1.0}), "right (%)")
    curves = plots.lines({name: ([0, 1], [1, 2]) for name in names}, "step", "loss")
    for figure in (points, curves):
        drawn = [to_hex(line.get_color()) for line in figure.axes[0].get_lines()]
        assert len(set(drawn)) == 4
        assert not {*drawn[1:3]} & {own.lower() for own in plots.ENCODER_COLOURS.values()}


def test_points_stand_in_the_panel_and_row_of_their_own():
    table = pd.DataFrame(
        [
            ("char-cnn", "distant", 52.0, 47, 58),
            ("bag-of-words", "distant", 48.0, 43, 52),
            ("char-cnn", "shifted", 84.0, 76, 91),
        ],
        columns=["text_encoder", "panel", "value", "low", "high"],
    )
    distant, shifted = plots.points(table, "told apart (%)", chance=50).axes
    assert (distant.get_title(loc="left"), shifted.get_title(loc="left")) == ("distant", "shifted")
    names = [label.get_text() for label in distant.get_yticklabels()]
    drawn = {(tuple(line.get_xdata()), line.get_ydata()[0]) for line in distant.get_lines()}
    assert {((47, 58), names.index("char-cnn")), ((52.0,), names.index("char-cnn"))} <= drawn
    assert ((43, 52), names.index("bag-of-words")) in drawn
    assert not any(tuple(line.get_xdata()) == (43, 52) for line in shifted.get_lines())


@pytest.mark.parametrize(("values", "bars"), [([[0.0, 1], [1, 0]], 0), ([[0.5, -1], [2, 0]], 1)])
def test_only_a_matrix_of_more_than_0_and_1_has_a_colour_bar(values, bars):
    figure = plots.heatmap(np.array(values), ["a", "b"], ["c", "d"], "score")
    assert len(figure.axes) == 1 + bars
    squares = figure.axes[0].collections[0].get_array().reshape(2, 2)
    assert squares.tolist() == values


def test_heat_maps_share_a_scale_and_leave_zeros_empty():
    figure = plots.heatmaps({"one": np.array([[0.0, 1]]), "two": np.array([[4.0, 0]])}, [""], "ab")
    one, two = figure.axes
    assert one.collections[0].get_clim() == two.collections[0].get_clim() == (0, 4)
    assert [text.get_text() for text in one.texts if text.get_text()] == ["1.0"]


def test_names_of_columns_are_turned_where_they_do_not_fit():
    short = plots.heatmap(np.eye(2), ["", ""], ["red", "tan"], "score")
    long = plots.heatmap(
        np.eye(2),
        ["", ""],
        ["red", "a yellow and white striped wing, well seen from below"],
        "score",
    )
    turned = [figure.axes[0].get_xticklabels()[0].get_rotation() for figure in (short, long)]
    assert turned == [0, 40]


def test_no_empty_panel_is_shown():
    matrices = {name: np.eye(2) for name in ("one", "two", "three")}
    table = pd.DataFrame({"panel": list(matrices), "text_encoder": "char-cnn", "value": 1.0})
    for figure in (plots.heatmaps(matrices, "ab", "ab"), plots.points(table, "")):
        assert [axis.get_visible() for axis in figure.axes] == [True, True, True, False]


def test_a_grid_shows_each_image_with_its_title_escaped():
    images = [np.full((4, 4, 3), value, dtype=np.uint8) for value in (0, 255)]
    grid = plots.image_grid(images, ["<b>", 'a "b"'])
    html = grid._repr_html_()
    assert html.count("<img") == html.count("<figcaption") == 2
    assert "&lt;b&gt;" in html and "<b>" not in html and "&quot;b&quot;" in html
    assert repr(grid) == "2 images"


def test_ranked_images_are_framed_in_the_colour_of_what_they_are():
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    rows = {"a red bird": [(image, "right"), (image, "wrong")]}
    html = plots.ranked_images(rows, {"right": "#123456", "wrong": "#654321"})._repr_html_()
    assert html.index("a red bird") < html.index("#123456") < html.index("#654321")


def test_no_point_is_cut_by_the_frame():
    table = pd.DataFrame({"text_encoder": ["char-cnn", "word-cnn"], "value": [1.0, 2.0]})
    (axis,) = plots.points(table, "right (%)").axes
    low, high = sorted(axis.get_ylim())
    assert low <= -0.5 and high >= 1.5
