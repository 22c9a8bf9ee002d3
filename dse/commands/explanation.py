"""Why this score? `dse explain`."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import dse
from dse.commands.figures import refuse_no_place, write_json
from dse.commands.searching import load_run
from dse.explanation.page import AFTER, numbers, table, total, write_html
from dse.images.features import extract_features
from dse.utils.errors import InputError, printable


def explain(options: Namespace) -> None:
    write = None if options.out is None else _writer(options.out)
    run, encoder = load_run(options)
    feature = extract_features([options.image], encoder.to(run.device))[0, 0]
    explanation = dse.explain(run, options.caption, feature, image=options.image)
    print(f"evidence  characters  text ({explanation.text_encoder}, {explanation.method})")
    for number, term in zip(numbers(explanation), table(explanation), strict=True):
        after = term.start == term.end
        place, text = ("", AFTER) if after else (f"{term.start}-{term.end}", term.text)
        print(f"{number:>8}  {place:>10}  {printable(text)}")
    print(total(explanation))
    print(f"the sum differs from the score by {abs(explanation.difference):.1e}")
    write_json(explanation.to_dict(), options.json)
    if write is not None:
        write(explanation, options.out)
        print(f"{options.out}: written")


def _writer(path: Path) -> Callable[[dse.Explanation, Path], None]:
    refuse_no_place(path, "out")
    if path.suffix.lower() == ".html":
        return write_html
    if path.suffix.lower() == ".png":
        from dse.explanation.plots import write_png  # slow to import

        return write_png
    raise InputError(f"{path} is neither .png nor .html: give --out another name")
