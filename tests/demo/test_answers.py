"""What the page answers: the results of dse.search and dse.explain, escaped, and notes."""

import html
import re
import shutil

import pytest
from torch import nn

import dse
from dse.demo.answers import Demo
from dse.explanation.page import html_fragment
from dse.search import classify, rank_descriptions, read_image_folder, search_images
from mean_colour import colour_run, draw, mean_colour_encoder

CLASSES = {"<i>red</i>": ["red"], "blue & red": ["blue", "red"], "green": ["green"]}


@pytest.fixture
def demo(tmp_path, own_cache):
    """Photographs of four colours, one of them with a hostile name, and an upload."""
    for name, colour in {"<b>a": "red", "sub/b": "blue", "c": "magenta", "d": "black"}.items():
        draw(tmp_path / "photos" / f"{name}.png", colour)
    draw(tmp_path / "uploads" / "abc" / "mine.png", (255, 0, 80))
    encoder = mean_colour_encoder()
    images = read_image_folder(tmp_path / "photos", encoder, device="cpu", progress=False)
    return Demo(colour_run(), encoder, images, CLASSES, tmp_path / "uploads")


def mine(demo):
    """What Gradio sends for the uploaded photograph."""
    return {"path": str(demo.uploads / "abc" / "mine.png"), "meta": {"_type": "gradio.FileData"}}


def parts(answer, tag):
    """The texts of an element's first lines, without what stands in further elements."""
    return [html.unescape(text).strip() for text in re.findall(f"<{tag}[^>]*>([^<]*)", answer)]


def told(answer):
    return parts(answer, 'p class="note"')


def test_photographs_in_the_order_of_search_images(demo):
    answer = demo.find("Red and blue!")
    matches = search_images(demo.run, "Red and blue!", demo.images)
    names = [f"{rank}. {demo.images.name(path)}" for rank, (path, _) in enumerate(matches, 1)]
    assert len(names) == 4 and parts(answer, "figcaption") == names
    assert parts(answer, "span") == [f"score {match.score:.3f}" for match in matches]
    assert answer.count('src="data:image/jpeg;base64,') == 4
    assert "<b>" not in answer and str(demo.images.folder) not in answer
    assert told(answer) == ["not read, as no training caption has it: and"]


def test_descriptions_in_the_order_of_rank_descriptions(demo):
    texts = ["blue", "red <script>", "green", "blue red"]
    answer = demo.rank(mine(demo), "\n\n".join([*texts, "  "]))
    feature = demo._feature(demo.uploads / "abc" / "mine.png")
    matches = rank_descriptions(demo.run, feature, texts)
    assert parts(answer, "li") == [match.item for match in matches]
    assert "<script" not in answer
    why = dse.explain(demo.run, matches[0].item, feature - demo.images.features.mean(0))
    assert html_fragment(why) in answer
    assert f"{why.score:.3f} above its mean with all 4 photographs" in answer


def test_classes_in_the_order_of_classify(demo):
    answer = demo.name(mine(demo))
    uploaded = read_image_folder(demo.uploads, demo.encoder, device="cpu", progress=False)
    (scores,) = classify(demo.run, CLASSES, uploaded).scores
    order = scores.argsort(descending=True).tolist()
    assert parts(answer, "li") == [list(CLASSES)[c] for c in order]
    assert parts(answer, "span") == [f"score {scores[c]:.3f}" for c in order]
    assert "<i>" not in answer


@pytest.mark.parametrize("description", ["", "  \n", None])
def test_an_empty_description_finds_nothing(demo, description):
    assert "empty" in told(demo.find(description))[0]
    assert "no description" in told(demo.rank(mine(demo), description))[0]


def test_nonsense_is_answered_with_a_note(demo):
    answer = demo.find("鳥 !?")
    assert "no letter" in told(answer)[0] and len(parts(answer, "figcaption")) == 4
    assert "zwitschert" in told(demo.rank(mine(demo), "zwitschert"))[0]


@pytest.mark.parametrize(
    "text",
    [
        "red " * 25_000,
        "x" * 100_000,
        "\N{BIRD} red \N{BIRD}",
        "red\0\x1b[2J\u202e\u2028bird",
        "\ud800 red",
    ]
    + ["<script>red</script>", "\u200b", "\n" * 1000 + "red"],
)
def test_odd_texts_are_answered_in_text_that_can_be_sent(demo, text):
    for answer in (demo.find(text), demo.rank(mine(demo), text)):
        answer.encode("utf-8")
        assert answer.startswith('<div class="dse">') and "<script" not in answer


@pytest.mark.parametrize("photograph", [None, "x", {}, {"path": None}, {"path": "/etc/passwd"}])
def test_only_an_uploaded_photograph_is_opened(demo, photograph, monkeypatch):
    monkeypatch.setattr("dse.demo.answers.extract_features", lambda *_: pytest.fail("opened"))
    for answer in (demo.rank(photograph, "red"), demo.name(photograph)):
        assert len(told(answer)) == 1 and "choose it" in answer.replace("choose one", "choose it")


def test_an_unreadable_photograph_is_named_without_its_folder(demo):
    (demo.uploads / "abc" / "mine.png").write_bytes(b"no image")
    (note,) = told(demo.rank(mine(demo), "red"))
    assert note.startswith("mine.png cannot be read")
    assert demo.name(mine(demo)).count("mine.png cannot be read") == 1


def test_a_photograph_that_has_gone_since_is_named(demo):
    shutil.rmtree(demo.images.folder / "sub")
    (note,) = told(demo.find("blue"))
    assert note.startswith("sub/b.png is missing")


def test_an_encoder_that_cannot_be_explained_still_ranks(demo):
    class Own(nn.Module):
        """The same numbers from a network that `explain` does not know."""

        def __init__(self, encoder):
            super().__init__()
            self.inner, self.tokenizer, self.linear = encoder, encoder.tokenizer, encoder.linear

        def forward(self, tokens):
            return self.inner(tokens)

    demo.run.encoder = Own(demo.run.encoder)
    answer = demo.rank(mine(demo), "blue\nred")
    assert parts(answer, "li") == ["red", "blue"]
    assert "cannot explain" in told(answer)[0]
