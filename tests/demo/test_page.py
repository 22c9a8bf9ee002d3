"""`dse demo fieldguide` in a real browser: its answers are Python's, and everyone can use it."""

import http.client
import importlib.util
import json
import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

import dse
from browser import find_chromium
from dse.demo.gate import LARGEST_UPLOAD
from dse.images.image_folder import ImageFolder
from dse.search import classify, rank_descriptions, search_images

CLASSES = {"<b>reed</b> sprill": ["a bird with a red belly"], "other": ["a yellow bird", "tail"]}
ODD = [
    "<img src=x onerror='hacked=1'>",
    "${hacked=1}",
    "{{#each value}}red{{/each}} @children",
    "`",
]
# It tells on whoever reaches for another computer.
COMMAND = """
import sys
def told(event, arguments):
    if event == "socket.connect" and arguments[1][0] != "127.0.0.1":
        print("network:", arguments[1], file=sys.stderr)
    if event == "socket.getaddrinfo" and arguments[0] != "127.0.0.1":
        print("network:", arguments[0], file=sys.stderr)
sys.addaudithook(told)
from dse.cli import main
sys.exit(main(sys.argv[1:]))
"""

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason="no chromium on this machine"),
    pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="no gradio installed"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the page is. When the tests are over, Ctrl-C ends the command and leaves nothing."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "classes.json").write_text(json.dumps(CLASSES), encoding="utf-8")
    arguments = ["demo", "fieldguide", "--port", "0", "--classes", str(folder / "classes.json")]
    with (
        (folder / "stderr").open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments, "--device", "cpu"],
            env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        images = process.stdout.readline()
        assert images.startswith("1,488 images"), (folder / "stderr").read_text()
        address = process.stdout.readline().partition(": ")[0]
        yield address
        with urlopen(f"{address}gradio_api/heartbeat/visitor"):  # as a page that is left open
            process.send_signal(signal.SIGINT)
            assert process.stdout.read() == "ended\n"
    assert process.returncode == 0
    log = (folder / "stderr").read_text().splitlines()
    assert {line.partition(":")[0] for line in log} <= {"device"}
    assert sorted(path.name for path in folder.iterdir()) == ["classes.json", "stderr"]


@pytest.fixture(scope="module")
def run():
    return dse.load_pretrained("fieldguide")


@pytest.fixture(scope="module")
def images():
    data = dse.load_dataset("fieldguide").subset("test")
    folder = data.image_paths[0].parent.parent
    return ImageFolder(folder, data.image_paths, data.whole_images())


@pytest.fixture
def page(browser, address):
    """The page as it opens, and nothing of it from elsewhere."""
    page = browser.open(address)
    page.wait("document.querySelector('#find')")
    yield page
    hosts = {urlsplit(url).netloc for url in page.requests() if not url.startswith("data:")}
    assert hosts == {urlsplit(address).netloc}
    page.close()


def fill(page, field, text):
    """Put a text in place of what stands in a field."""
    page.run(f"document.querySelector('#{field} textarea').select()")
    page.type(text)


def open_tab(page, name):
    tabs = "[...document.querySelectorAll('[role=tab]')]"
    page.wait(f"{tabs}.some(tab => tab.innerText.trim() === '{name}')")
    page.run(f"{tabs}.find(tab => tab.innerText.trim() === '{name}').click()")
    page.wait("document.querySelector('#rank')")


def press(page, button, answer):
    """Press a button; the answer's lines, once they are others than before."""
    lines = f"document.querySelector('#{answer} .dse')?.innerText"
    before = json.dumps(page.run(lines))
    page.run(f"document.querySelector('#{button}').click()")
    page.wait(f"({lines} ?? {before}) !== {before}")
    return page.run(lines).splitlines()


def texts(page, selector):
    found = f"[...document.querySelectorAll('{selector}')]"
    return page.run(f"{found}.map(part => part.firstChild.textContent.trim())")


def upload(page, file):
    """Choose a file in place of the photograph."""
    remove = "document.querySelector('[aria-label=\"Remove Image\"]')"
    page.run(f"{remove} && {remove}.click()")
    page.wait("document.querySelector('#photograph [aria-label^=Drop]')")
    field = "document.querySelector('#photograph input[type=file]')"
    found = page.call("Runtime.evaluate", expression=field)["result"]["objectId"]
    page.call("DOM.setFileInputFiles", objectId=found, files=[str(file)])


def titles(matches, images):
    return [f"{rank}. {images.name(path)}" for rank, (path, _) in enumerate(matches, start=1)]


def test_a_search_finds_what_python_finds(page, run, images):
    wanted = "a bird with a yellow crown and a black belly"
    fill(page, "description", wanted)
    assert "The best 12 of 1,488 photographs." in press(page, "find", "found")
    matches = search_images(run, wanted, images)
    assert texts(page, "#found figcaption") == titles(matches, images)
    scores = page.run(
        "[...document.querySelectorAll('#found figcaption span')].map(s => s.innerText)"
    )
    assert scores == [f"score {match.score:.3f}" for match in matches]
    assert page.run("[...document.querySelectorAll('#found img')].every(i => i.naturalWidth)")
    assert page.complaints() == []


def test_enter_searches_and_words_without_sense_are_told(page):
    fill(page, "description", "")
    assert "the description is empty" in press(page, "find", "found")[0]
    fill(page, "description", "123 !?")
    page.press("Enter")
    page.wait("document.querySelector('#found').innerText.includes('no letter from a to z')")
    page.wait("document.querySelectorAll('#found figure').length === 12")


def test_an_uploaded_photograph_is_described_and_named(page, run, images):
    open_tab(page, "Describe")
    upload(page, images.paths[700])
    page.wait("document.querySelector('#photograph img')")
    captions = ["a bird with a white belly", *ODD, "a red bird with blue wings"]
    fill(page, "descriptions", "\n".join(captions))
    lines = press(page, "rank", "answer")
    ranked = rank_descriptions(run, images.features[700], captions)
    assert texts(page, "#answer .ranking li") == [match.item for match in ranked]
    why = dse.explain(run, ranked[0].item, images.features[700] - images.features.mean(0))
    assert any(f"{abs(why.score):.3f} above" in line for line in lines)
    press(page, "name", "answer")
    image = ImageFolder(images.folder, [images.paths[700]], images.features[700:701])
    order = classify(run, CLASSES, image).scores[0].argsort(descending=True)
    assert texts(page, "#answer .ranking li") == [list(CLASSES)[c] for c in order]
    assert page.run("window.hacked") is None


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("words.png", b"a bird", "words.png cannot be read"), ("bird.gif", b"GIF89a", "no image in")],
)
def test_what_is_no_photograph_is_refused(page, tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    open_tab(page, "Describe")
    upload(page, tmp_path / name)
    page.wait("document.querySelector('#photograph img')")
    (line,) = press(page, "rank", "answer")
    assert told in line and str(tmp_path) not in line and "/" not in line


def test_without_a_photograph_and_with_too_large_a_one(page, tmp_path):
    open_tab(page, "Describe")
    file = tmp_path / "<img src=x onerror=hacked=1>.png"
    file.write_bytes(bytes(LARGEST_UPLOAD + 1))
    upload(page, file)
    page.wait("document.body.innerText.includes('maximum')")
    assert page.run("window.hacked") is None
    (line,) = press(page, "rank", "answer")
    assert "no photograph" in line


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_it_without_scrolling_sideways(browser, address, dark):
    page = browser.open(address, width=375, dark=dark)
    page.wait("document.querySelector('#find')")
    press(page, "find", "found")
    assert page.run("document.documentElement.scrollWidth") <= 375
    open_tab(page, "Describe")
    press(page, "rank", "answer")
    page.run("document.querySelector('#answer details').open = true")
    assert page.run("document.documentElement.scrollWidth") <= 375
    page.close()


def test_a_screen_reader_names_every_part(page):
    assert page.names("textbox") == ["Description"]
    assert page.names("tab") == ["Search", "Describe"]
    assert page.names("button") == ["Search"]
    press(page, "find", "found")
    assert sum(name.startswith("rank ") for name in page.names("image")) == 12
    open_tab(page, "Describe")
    assert page.names("textbox") == ["Descriptions, one a line"]
    buttons = page.names("button")
    assert {"Rank the descriptions", "Rank the 2 classes", "Upload file"} <= set(buttons)
    assert all(buttons)


def test_no_visitor_names_a_file_of_the_server(address):
    connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def status(method, path, question=None):
        body = None if question is None else json.dumps(question)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    for path in ("/etc/passwd", "../../etc/passwd", "http://127.0.0.1/x.png", __file__):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        question = {"data": [file, "a bird"], "fn_index": 1, "session_hash": "visitor"}
        assert status("POST", "/gradio_api/queue/join", question) == 403
        assert status("GET", f"/gradio_api/file={path}") == 403
    assert status("GET", f"/gradio_api/proxy={address}") == 404
    connection.close()
