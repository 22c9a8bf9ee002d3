"""An explanation as HTML: the caption, coloured by evidence, beside the image."""

import base64
import io
import math
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from dse.utils.files import written_whole

if TYPE_CHECKING:
    from dse.explanation import Explanation, Term

FOR, AGAINST = (0, 114, 178), (230, 159, 0)
"""Blue and orange, which colour-blind people tell apart."""
STRONGEST = 0.45
"""Opacity of the strongest evidence: with more, light text on a dark page is hard to read."""
IMAGE_SIZE = 320
"""Pixels of the longer side of the image in a page, at most."""
EMPTY, AFTER = "(an empty caption)", "after the end"
LONGEST_TABLE = 30
"""Terms that a table lists. If there are more, it sums them up by word."""

# The colours are transparent, and the text keeps the colour of the page that it stands in: so it
# can be read on a light page and on a dark one.
_FRAGMENT = """\
<div class="explanation" style="display:flex;flex-wrap:wrap;gap:1.2em;\
align-items:flex-start;max-width:56em">
{image}<div style="flex:1 1 18em;min-width:0">
<p dir="auto" style="font-size:1.2em;line-height:1.8;margin:0 0 .5em;\
white-space:pre-wrap;overflow-wrap:anywhere">{caption}</p>
{legend}<p style="margin:0 0 .5em">{total}</p>
<details><summary>Evidence of each part</summary>
<table style="border-spacing:1em .2em;margin-left:-1em"><tr><th>evidence</th><th>characters</th>\
<th style="text-align:left">text</th></tr>
{rows}
</table></details>
<p style="font-size:.85em;margin:.5em 0 0">{encoder}, {method}</p>
</div></div>"""

_LEGEND = """\
<p style="margin:0 0 .5em">against {low:.2g} <span aria-hidden="true" style="display:inline-block;\
width:7em;height:1em;vertical-align:-.12em;background:linear-gradient(to right,{against},\
transparent,{for_})"></span> for {high:+.2g} (each {unit})</p>
"""

_PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Why this score?</title>
<style>:root {{ color-scheme: light dark }}
body {{ font-family: system-ui, sans-serif; margin: 1.5em }}</style></head>
<body><h1 style="font-size:1.3em">Why this score?</h1>
{fragment}
</body></html>
"""


def html_fragment(explanation: "Explanation") -> str:
    """An explanation as a piece of HTML for any page: it holds no script, and loads nothing."""
    return _FRAGMENT.format(
        image="" if explanation.image is None else _image(explanation.image),
        caption=_caption(explanation) or f"<i>{EMPTY}</i>",
        legend=_legend(explanation),
        total=total(explanation),
        rows="\n".join(map(_row, table(explanation), numbers(explanation))),
        encoder=escape(explanation.text_encoder),
        method=explanation.method,
    )


def write_html(explanation: "Explanation", path: Path) -> None:
    """Write an explanation as a page of its own."""
    page = _PAGE.format(fragment=html_fragment(explanation))
    with written_whole(path) as partial:
        partial.write_text(page, encoding="utf-8", errors="replace")  # surrogates become ?


def strongest(explanation: "Explanation") -> float:
    """The size of the strongest evidence of a token: it gets the full colour."""
    return max((abs(token.evidence) for token in explanation.tokens), default=0.0)


def total(explanation: "Explanation") -> str:
    """The score as a sum, in one line."""
    after, difference = explanation.after_the_end, explanation.difference
    parts = sum(term.evidence for term in explanation.terms) - after
    line = f"score {explanation.score:.4g} = {explanation.constant:.4g} (constant)"
    line += f" {parts:+.4g} (caption)"
    if any(term.start == term.end for term in explanation.terms):
        line += f" {after:+.4g} (steps after its end)"
    if explanation.method != "exact":
        line += f" {difference:+.2g} (error of the integral)"
    return line


def table(explanation: "Explanation") -> "tuple[Term, ...]":
    """What a table of the explanation lists: the terms, or words where there are many terms."""
    terms = explanation.terms
    return terms if len(terms) <= LONGEST_TABLE else explanation.by_word()


def unread(explanation: "Explanation") -> str:
    """What stands after the last token: cut off because it is too long, or in no known script."""
    end = explanation.tokens[-1].end if explanation.tokens else 0
    rest = explanation.caption[end:]
    return rest if any(symbol.isalnum() for symbol in rest) else ""


def numbers(explanation: "Explanation") -> list[str]:
    """The evidence of each row of `table`: the strongest has three digits that count."""
    evidence = [term.evidence for term in table(explanation)]
    largest = max(map(abs, evidence), default=0) or 1
    decimals = max(0, 2 - math.floor(math.log10(largest)))
    return [f"{value:+.{decimals}f}" for value in evidence]


def _legend(explanation: "Explanation") -> str:
    scale = strongest(explanation)
    if not scale:
        return ""
    ends = {"low": -scale, "high": scale, "against": _colour(-1), "for_": _colour(1)}
    return _LEGEND.format(unit=explanation.unit, **ends)


def _caption(explanation: "Explanation") -> str:
    """The caption with a coloured span for each run of tokens that have the same evidence."""
    scale, caption = strongest(explanation), explanation.caption
    pieces, done = [], 0
    for evidence, run in groupby(explanation.tokens, key=lambda token: token.evidence):
        first, *_, last = [*run] * 2
        text = escape(caption[first.start : last.end])
        if evidence:
            colour = _colour(evidence / scale)
            text = f'<span style="background:{colour}" title="{evidence:+.3g}">{text}</span>'
        pieces += [escape(caption[done : first.start]), text]
        done = last.end
    rest = escape(caption[done:])
    pieces.append(f'<s title="not read">{rest}</s>' if unread(explanation) else rest)
    return "".join(pieces)


def _colour(strength: float) -> str:
    """Blue for strengths up to 1, orange down to -1."""
    red, green, blue = FOR if strength > 0 else AGAINST
    return f"rgba({red},{green},{blue},{STRONGEST * abs(strength):.3f})"


def _row(term: "Term", number: str) -> str:
    after = term.start == term.end
    place = "" if after else f"{term.start}–{term.end}"
    text = f"<i>{AFTER}</i>" if after else escape(term.text)
    return (
        f'<tr><td style="text-align:right">{number}</td><td>{place}</td>'
        f'<td style="text-align:left;white-space:pre-wrap">{text}</td></tr>'
    )


def _image(image: Image.Image) -> str:
    small = image.convert("RGB")
    small.thumbnail((IMAGE_SIZE, IMAGE_SIZE))
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{data}" alt="The image that the caption is scored with" '
        'style="width:12em;max-width:100%">\n'
    )
