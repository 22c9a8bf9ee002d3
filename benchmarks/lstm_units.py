"""How many hidden units should the LSTMs have? Chosen on the validation classes of CUB.

    python benchmarks/lstm_units.py --root DATA --out results/cub/lstm-units.json

Trains on the `train` classes and looks at the `val` classes; the test classes are not touched. A
network that is in the file already is not trained again.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch

import dse
from dse.files import written_whole
from dse.text import CHARACTER_ENCODERS, WORD_ENCODERS

UNITS = (128, 256, 512, 1024)
STEPS = {"word-lstm": 4_200, "char-lstm": 2_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root")
    parser.add_argument("--encoders", nargs="+", default=list(STEPS))
    parser.add_argument("--units", nargs="+", type=int, default=UNITS)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = dse.load_dataset("cub", arguments.root, image_encoder="efficientnet-lite0")
    for name in arguments.encoders:
        registry = WORD_ENCODERS if name in WORD_ENCODERS else CHARACTER_ENCODERS
        original = registry[name]
        for units in arguments.units:
            results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
            if f"{name}-{units}" in results:
                continue
            registry[name] = partial(original, units=units)
            started = time.monotonic()
            steps = STEPS[name]
            config = dse.TrainingConfig(name, steps=steps, split="train", validate_every=steps // 5)
            run = dse.train(data, config, progress=False)
            metrics = dse.evaluate(run, data, "val")
            results[f"{name}-{units}"] = {
                "text_encoder": name,
                "units": units,
                "steps": steps,
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
                path.write_text(json.dumps(results, indent=1) + "\n")
            print(
                f"{name} {units}: {100 * metrics.top1:.1f} %, {100 * metrics.ap50:.1f} %",
                flush=True,
            )
        registry[name] = original


if __name__ == "__main__":
    main()
