"""What is typed and uploaded into `dse demo`, and the answers as the page would show them."""

import html
import re
from pathlib import Path

from dse.demo.answers import Demo
from dse.images.image_folder import read_image_folder
from dse.utils.errors import InputError
from faults.campaign import Reading
from faults.data_roots import draw, pictures, write
from mean_colour import colour_run, mean_colour_encoder

CLASSES = {"red": ["red"], "blue & red": ["blue", "red"], "green": ["green"]}
QUESTIONS = "a red bird\nblue and green\nein roter Vogel\n"


def app(root: Path) -> None:
    """Photographs to find, one that was uploaded, and descriptions that are typed."""
    pictures(root / "photos")
    draw(root / "uploads/abc/mine.png", 5)
    write(root / "descriptions.txt", QUESTIONS)


def demo_of(root: Path) -> Demo:
    encoder = mean_colour_encoder()
    images = read_image_folder(root / "photos", encoder, device="cpu", progress=False)
    return Demo(colour_run(), encoder, images, CLASSES, root / "uploads")


def uploads(root: Path) -> Reading:
    """An answer of notes alone is a refusal."""
    photograph = {"path": str(root / "uploads/abc/mine.png")}
    demo = demo_of(root)
    answers = [demo.name(photograph), demo.rank(photograph, QUESTIONS)]
    return Reading([shown(answer, root) for answer in answers])


def types(root: Path) -> Reading:
    text = (root / "descriptions.txt").read_bytes().decode("utf-8", errors="surrogateescape")
    photograph = {"path": str(root / "uploads/abc/mine.png")}
    demo = demo_of(root)
    answers = [demo.find(text), demo.rank(photograph, text)]
    return Reading([shown(answer, root) for answer in answers])


def shown(answer: str, root: Path) -> str:
    """An answer, which may hold no folder of the server and no markup of a visitor."""
    assert str(root) not in answer, "tells a visitor where the folder is"
    assert "<html>" not in answer and "<!DOCTYPE" not in answer, "shows markup of a visitor"
    answer.encode("utf-8")  # else it cannot be sent
    if "<li" not in answer and "<figure" not in answer:
        raise InputError(html.unescape(" ".join(re.findall(r'class="note"[^>]*>([^<]*)', answer))))
    return answer
