"""Draw the image that stands for the book where someone shares its address.

    python scripts/draw_card.py

Writes `_static/card.png`: a confusable pair of FieldGuide, and what tells the two apart.
"""

from pathlib import Path

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

import dse
from build_try_it import PAIR, pair_sentences, species_by_name

ROOT = Path(__file__).resolve().parent.parent
SIZE = (1200, 630)
GROUND, INK, GREY = "#f7f5f0", "#1d2733", "#55606c"
TITLE = "Fine-Grained\nVisual Descriptions"
WORDS = "An executable book:\nthe same words, two birds,\nand a network that reads which is which"


def main() -> None:
    guide = dse.load_dataset("fieldguide")
    names = [f"{side} {PAIR}" for side in ("eastern", "western")]
    sentences = pair_sentences(*(species_by_name()[name] for name in names))
    card = Image.new("RGB", SIZE, GROUND)
    pen = ImageDraw.Draw(card)
    pen.text((60, 165), TITLE, INK, font("bold", 46), spacing=14)
    pen.text((60, 325), WORDS, GREY, font("normal", 25), spacing=14)
    for row, (name, sentence) in enumerate(zip(names, sentences, strict=True)):
        first = guide.labels.tolist().index(guide.class_names.index(name))
        bird = Image.open(guide.image_paths[first]).resize((240, 240), Image.Resampling.LANCZOS)
        top = 55 + 275 * row
        card.paste(bird, (700, top))
        text = sentence.removeprefix("a bird with ").replace(" and ", "\nand ")
        pen.text((960, top + 85), text, INK, font("normal", 24), spacing=12)
    card.quantize(128).save(ROOT / "_static" / "card.png", optimize=True)


def font(weight: str, size: int) -> ImageFont.FreeTypeFont:
    path = font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight))
    return ImageFont.truetype(path, size)


if __name__ == "__main__":
    main()
