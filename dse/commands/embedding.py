"""Captions as vectors: `dse embed`."""

from argparse import Namespace

import numpy as np

import dse
from dse.utils.devices import pick_device
from dse.utils.errors import InputError
from dse.utils.files import written_whole


def embed(options: Namespace) -> None:
    run = dse.Run.load(options.run, pick_device(options.device))
    try:
        text = options.captions.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{options.captions} cannot be read ({error.strerror})") from None
    lines = text.removesuffix("\n").split("\n") if text else []
    embeddings = run.encode(lines, progress=True).numpy()

    with written_whole(options.out) as partial, partial.open("wb") as file:
        np.save(file, embeddings)  # given a name, numpy would add a suffix to it
    print(f"{options.out}: {len(embeddings)} rows of {embeddings.shape[1]}")
