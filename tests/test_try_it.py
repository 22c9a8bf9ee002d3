"""The page "Try it" in a real browser: its numbers are Python's, and everyone can use it."""

import importlib.util
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

import dse
from browser import find_chromium
from dse.text.cnn import receptive_fields

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("build_try_it", ROOT / "scripts" / "build_try_it.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Try it</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"></head>
<body><div data-fieldguide="pair"></div><div data-fieldguide="search"></div>
<script src="embed.js" defer></script></body></html>"""

ODD_TEXTS = [
    "", " ", "A-B", "x" * 300, "İstanbul, 東京: ein roter Vogel", "a red bird\nwith a crest",
    "🐦 red 🐦 wings", "it's the bird's bill", "a" * 200 + "é", "red, RED; red!",
    " ".join(f"word{i}" for i in range(40)) + " red",
]  # fmt: skip

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def guide():
    return dse.load_dataset("fieldguide")


@pytest.fixture(scope="module")
def runs(guide):
    words = dse.train(guide, dse.TrainingConfig("bag-of-words", steps=50), progress=False)
    return {"network": dse.load_pretrained("fieldguide"), "words": words}


@pytest.fixture(scope="module")
def features(guide):
    return build.bird_features(guide.subset("test"))


@pytest.fixture(scope="module")
def site(guide, runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("try_it")
    shutil.copytree(build.SOURCES, folder, dirs_exist_ok=True)
    (folder / "data").mkdir()
    build.write_data(folder / "data", guide, runs["network"], runs["words"])
    (folder / "page.html").write_text(PAGE, encoding="utf-8")
    return folder


@pytest.fixture
def page(browser, site):
    """The page before anyone has asked for the model."""
    page = browser.open((site / "page.html").as_uri())
    page.wait("document.querySelectorAll('.fg-main').length === 2")
    yield page
    page.close()


@pytest.fixture
def loaded(page):
    load(page)
    return page


def load(page):
    page.run("[...document.querySelectorAll('.fg-main')].at(-1).click()")
    page.wait("document.querySelector('.fg-birds li')")
    page.wait("document.querySelector('.fg-evidence + *, .fg-status p')")


def write(page, text):
    """Type a text in place of the old one, and wait until the page has spoken about it."""
    page.run("document.querySelector('textarea').select()")
    page.run("document.querySelector('[data-fieldguide=search] [role=status]').textContent = ''")
    if text:
        page.type(text)
    else:
        page.run("document.execCommand('delete')")
    page.wait("document.querySelector('[data-fieldguide=search] [role=status]').textContent")


def said(page):
    return page.run("document.querySelector('[data-fieldguide=search] [role=status]').textContent")


def ranking(page, which):
    """The names and scores of the birds that one of the two lists shows."""
    script = f"document.querySelectorAll('.fg-lists ol')[{which}].innerText"
    return page.run(script).split("\n")


def click(page, text):
    buttons = "[...document.querySelectorAll('button')]"
    page.run(f"{buttons}.find((button) => button.textContent.includes({text!r})).click()")


@torch.inference_mode()
def test_scores_and_ranks_equal_pythons(loaded, guide, runs, features):
    captions = guide.subset("test").all_captions
    texts = captions[:: len(captions) // 500][:500] + ODD_TEXTS
    loaded.run("""
        window.network = new FieldGuide.CharCNNRNN(FieldGuide.data.network);
        window.words = new FieldGuide.BagOfWords(FieldGuide.data.words);
        window.score = {
            network: (text) => network.scores(network.hiddenStates(text)),
            words: (text) => words.scores(text),
        }; 0""")
    for name in ("network", "words"):
        rows = []
        for start in range(0, len(texts), 50):
            part = json.dumps(texts[start : start + 50])
            rows += loaded.run(f"{part}.map(score.{name})")
        shown = torch.tensor(rows)
        expected = runs[name].encode(texts) @ features.T
        assert (shown - expected).abs().max() < 1e-3
        # The same ten birds in the same order, where their scores are not equal to rounding.
        first = shown.argsort(1, descending=True)[:, :10]
        best = expected.sort(1, descending=True).values[:, :10]
        assert (expected.gather(1, first) - best).abs().max() < 1e-3


@torch.inference_mode()
def test_reasons_are_those_of_the_difference_to_the_average_bird(loaded, guide, runs, features):
    run, bird = runs["network"], 7
    text = guide.subset("test").captions[40][2]
    encoder, direction = run.encoder, features[bird] - features.mean(0)
    columns = encoder.convolutions(encoder.tokenizer([text]))
    states = encoder.rnn.hidden_states(columns.transpose(1, 2))[0]
    terms = states @ encoder.linear.weight.T @ direction / len(states)
    shown = loaded.run(f"""(() => {{
        const network = new FieldGuide.CharCNNRNN(FieldGuide.data.network);
        const states = network.hiddenStates({json.dumps(text)});
        const reasons = network.explain({json.dumps(text)}, states, {bird});
        const score = network.scores(states)[{bird}];
        return {{...reasons, characters: [...reasons.characters], score}};
    }})()""")
    own = torch.tensor([step["term"] for step in shown["steps"]])
    assert torch.allclose(own, terms, atol=1e-4)
    assert shown["score"] == pytest.approx(
        shown["average"] + shown["constant"] + float(own.sum()), abs=1e-4
    )
    *_, field = receptive_fields(encoder.convolutions, encoder.tokenizer.length)
    spread = torch.zeros(len(text))
    for t, step in enumerate(shown["steps"]):
        first, end = field.stride * t, min(field.stride * t + field.size, len(text))
        assert (step["first"], step["end"]) == (min(first, len(text)), end)
        spread[first:end] += terms[t] / max(1, end - first)
    assert torch.allclose(torch.tensor(shown["characters"]), spread, atol=1e-4)


def test_a_swap_changes_one_ranking_and_not_the_other(loaded):
    write(loaded, "A bird with a Red belly and blue wings")
    before = [ranking(loaded, which) for which in (0, 1)]
    click(loaded, "Swap two colours")
    assert loaded.run("document.querySelector('textarea').value") == (
        "A bird with a Blue belly and red wings"
    )
    assert "Words, any order: not one score has changed." in said(loaded)
    after = [ranking(loaded, which) for which in (0, 1)]
    assert after[0] != before[0] and after[1] == before[1]


def test_the_evidence_is_that_of_the_chosen_bird(loaded):
    chosen = ranking(loaded, 1)[-2]
    loaded.run("[...document.querySelectorAll('.fg-birds button')].at(-1).click()")
    assert f"What speaks for the {chosen}" in loaded.run(
        "document.querySelector('.fg-evidence').textContent"
    )
    write(loaded, "a black crown and a white belly")
    first = ranking(loaded, 0)[0]
    assert f"What speaks for the {first}" in loaded.run(
        "document.querySelector('.fg-evidence').textContent"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing to read"),
        ("   ", "nothing to read"),
        ("asdfgh", "lies outside"),
        ("12345 ?????", "lies outside"),
        ("a green penguin with a red belly", "“green”, “penguin”"),
        ("a red belly and black wings " * 8, "first 201 characters"),
        ("ein Vögel 小鳥 red", "read as spaces: “ö”, “小”, “鳥”"),
    ],
)
def test_it_says_what_it_cannot_know(text, words, loaded):
    write(loaded, text)
    assert words in said(loaded)
    write(loaded, "a bird with a red belly and blue wings")
    assert words not in said(loaded)


@torch.inference_mode()
def test_captions_are_seldom_called_outside_and_nonsense_is(guide, runs, features):
    def moves(texts):
        return build.how_far_texts_move(runs["network"], texts, features)

    limit = build.network_data(runs["network"], features, guide)["outside"]
    captions = [own[0] for own in guide.subset("test").captions]  # the limit is of others
    assert (moves(captions) < limit).float().mean() < 0.05
    assert (moves(["", "asdfgh", "penguin", "12345", "?????"]) < limit).all()


def test_a_word_that_is_still_being_typed_is_not_called_unknown(loaded):
    write(loaded, "a bird with a yel")
    assert "yel" not in said(loaded)
    loaded.type(" ")
    loaded.wait("document.querySelector('[data-fieldguide=search]').textContent.includes('“yel”')")


def test_markup_in_a_text_stays_text(loaded):
    markup = "<img src=x onerror=alert(1)><b>red</b>"
    write(loaded, markup)
    assert loaded.run("document.querySelector('.fg-read').textContent") == markup
    assert not loaded.run("document.querySelector('.fg-read img, .fg-status img, .fg-read b')")
    assert loaded.complaints() == []


def test_it_works_by_keyboard_alone(page):
    page.press("Tab")
    assert page.run("document.activeElement.textContent") == "Swap the two colours"
    before = page.run("document.querySelector('.fg-sentence').textContent")
    page.press(" ")
    assert page.run("document.querySelector('.fg-sentence').textContent") != before
    page.press("Tab")
    page.press("Enter")
    page.wait("document.querySelector('.fg-birds li')")
    assert page.run("document.activeElement.tagName") == "TEXTAREA"  # the focus is not lost
    page.run("document.activeElement.select()")
    page.type("a yellow crown and blue wings")
    page.wait("!document.querySelector('[data-fieldguide=search] button').disabled")
    page.press("Tab")
    page.press("Enter")
    assert page.run("document.querySelector('textarea').value") == "a blue crown and yellow wings"
    reached = []
    while "How the score adds up" not in (reached[-1:] or [""])[0]:
        page.press("Tab")
        reached.append(page.run("document.activeElement.textContent"))
    assert len(reached) == 5 + 6 + 6 + 1  # examples, two lists, the sum
    page.press("Enter")
    assert page.run("document.querySelector('details').open")


def test_screen_readers_get_names(loaded):
    assert loaded.names("textbox") == ["Describe a bird in your own words"]
    assert {"Swap two colours", "misspelt"} <= set(loaded.names("button"))
    pictures = loaded.names("image")
    assert len(pictures) == 12 + 6 + 6 + 6
    for name in pictures:
        assert "bird: " in name and " crown, " in name
    assert loaded.names("columnheader") == []  # closed
    loaded.run("document.querySelector('summary').click()")
    assert loaded.names("columnheader") == ["Step", "What it reads", "What it adds"]
    assert len(loaded.names("status")) == 2


@pytest.mark.parametrize("text", ["a red bird with a blue belly " * 7, "x" * 300, ""])
def test_a_phone_never_scrolls_sideways(text, browser, site):
    page = browser.open((site / "page.html").as_uri(), width=390)
    page.wait("document.querySelectorAll('.fg-main').length === 2")
    load(page)
    write(page, text)
    page.run("document.querySelector('summary').click()")
    assert page.run("document.documentElement.scrollWidth") == 390
    page.close()


def test_nothing_is_fetched_before_it_is_asked_for_nor_from_elsewhere(page, site):
    heavy = ("network.js", "words.js", "birds.js")
    assert not [url for url in page.requests() if url.endswith(heavy)]
    load(page)
    write(page, "a bird with a red crown")
    asked = [url for url in page.requests() if not url.startswith("data:")]
    assert all(url.startswith(site.as_uri()) for url in asked)
    assert {f"data/{name}" for name in heavy} <= {
        url[-len(name) - 5 :] for url in asked for name in heavy
    }
    assert page.complaints() == []
    assert sum(path.stat().st_size for path in site.rglob("*.js")) < 8e6


def test_it_works_from_a_static_host(browser, site):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.open(f"http://127.0.0.1:{server.server_port}/page.html")
    page.wait("document.querySelectorAll('.fg-main').length === 2")
    load(page)
    assert page.complaints() == []
    page.close()
    server.shutdown()
    server.server_close()


def test_the_pair_shows_the_scores_of_both_models(page, runs, features, guide):
    names = guide.subset("test").class_names
    pair = [names.index(f"{side} {build.PAIR}") for side in ("eastern", "western")]
    for turn in (0, 1):
        sentence = page.run("document.querySelector('.fg-sentence').textContent")[1:-1]
        for name, title in (("network", "char-CNN-RNN"), ("words", "bag of words")):
            own = (runs[name].encode([sentence]) @ features[pair].T)[0]
            best = int(own.argmax())
            picked = page.run(
                f"document.querySelectorAll('.fg-card')[{best}].querySelector('.fg-picks').innerText"
            )
            assert title in picked, turn
            shown = page.run(
                "document.querySelector('[data-fieldguide=pair] [role=status]').innerText"
            )
            assert f"{own[best]:.2f} against {own[1 - best]:.2f}".replace("-", "−") in shown
        click(page, "Swap the two colours")


def test_a_missing_file_is_named(browser, tmp_path):
    shutil.copytree(build.SOURCES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    page = browser.open((tmp_path / "page.html").as_uri())
    page.wait("document.body.innerText.includes('try_it/data/pair.js could not be loaded')")
    page.close()


def test_data_are_the_same_each_time(site, guide, runs, tmp_path):
    build.write_data(tmp_path, guide, runs["network"], runs["words"])
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (site / "data" / path.name).read_bytes(), path.name
