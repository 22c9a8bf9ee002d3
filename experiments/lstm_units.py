"""How many hidden units should the LSTMs have? Chosen on the validation classes of CUB.

    python experiments/lstm_units.py --root DATA --out results/cub/lstm-units.json

Trains the word-LSTM on the `train` classes and looks at the `val` classes; the test classes are not
touched. A size that is in the file already is not trained again.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch

import dse
from dse.text import WORD_ENCODERS
from dse.text.lstm import WordLSTM
from dse.utils.files import written_whole

UNITS = (128, 256, 512)
STEPS = 4_200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = dse.load_dataset("cub", arguments.root, image_encoder="efficientnet-lite0")
    for units in UNITS:
        results = {}
        if arguments.out.exists():
            results = json.loads(arguments.out.read_text(encoding="utf-8"))
        if f"word-lstm-{units}" in results:
            continue
        WORD_ENCODERS["word-lstm"] = partial(WordLSTM, units=units)
        started = time.monotonic()
        config = dse.TrainingConfig(
            "word-lstm", steps=STEPS, split="train", validate_every=STEPS // 5
        )
        run = dse.train(data, config, progress=False)
        metrics = dse.evaluate(run, data, "val")
        results[f"word-lstm-{units}"] = {
            "text_encoder": "word-lstm",
            "units": units,
            "steps": STEPS,
            "seed": config.seed,
            "val_classes": len(metrics.class_names),
            "top1": metrics.top1,
            "ap50": metrics.ap50,
            "looks": run.validation.to_dict("records"),
            "data": data.fingerprint(),
            "minutes": round((time.monotonic() - started) / 60, 1),
            "threads": torch.get_num_threads(),
            **run.versions,
        }
        with written_whole(arguments.out) as path:
            path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"{units}: {100 * metrics.top1:.1f} %, {100 * metrics.ap50:.1f} %", flush=True)


if __name__ == "__main__":
    main()
