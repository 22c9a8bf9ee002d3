"""The figures that a command reports, as a file."""

import json
from pathlib import Path

from dse.utils.files import written_whole


def write_json(figures: dict, path: Path | None) -> None:
    """Write what `--json FILE` asks for; nothing if it was not given."""
    if path is not None:
        with written_whole(path) as partial:
            partial.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
