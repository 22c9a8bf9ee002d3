"""What the paper leaves open, chosen on validation classes.

    python experiments/validation_search.py lstm-units cub --root DATA \
        --image-encoder efficientnet-lite0 --out results/cub/lstm-units.json

Trains on the `train` classes and measures on the `val` classes; the test classes are not touched. A
setting that is in the file already is not trained again.
"""

import argparse
import json
from itertools import product
from pathlib import Path

import dse
from dse.reproduction.cells import FIELDGUIDE_STEPS, PHOTOGRAPH_STEPS
from dse.utils.files import written_whole

SEARCHES = {
    "lstm-units": ("word-lstm", {"units": (128, 256, 512)}),
    "word-transformer": (
        "word-transformer",
        {"learning_rate": (7e-4, 3e-4, 1e-4), "warmup": (0, 500)},
    ),
}
"""By name: a text encoder, and the values of `TrainingConfig` to try, each with each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("search", choices=SEARCHES)
    parser.add_argument("name", help="a data set: fieldguide, cub or flowers")
    parser.add_argument("--root")
    parser.add_argument("--image-encoder")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = dse.load_dataset(arguments.name, arguments.root, image_encoder=arguments.image_encoder)
    steps = (FIELDGUIDE_STEPS if data.name == "fieldguide" else PHOTOGRAPH_STEPS)["all"]
    encoder, values = SEARCHES[arguments.search]
    for chosen in product(*values.values()):
        key = "-".join([encoder, *map(str, chosen)])
        results = {}
        if arguments.out.exists():
            results = json.loads(arguments.out.read_text(encoding="utf-8"))
        if key in results:
            continue
        setting = dict(zip(values, chosen, strict=True))
        config = dse.TrainingConfig(encoder, steps=steps, split="train", **setting)
        run = dse.train(data, config, progress=False)
        metrics = dse.evaluate(run, data, "val")
        results[key] = {
            "text_encoder": encoder,
            **setting,
            "steps": steps,
            "seed": config.seed,
            "val_classes": len(metrics.class_names),
            "top1": metrics.top1,
            "ap50": metrics.ap50,
            "data": run.dataset["content"],
            **run.versions,
        }
        with written_whole(arguments.out) as path:
            path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"{key}: {100 * metrics.top1:.1f} %, {100 * metrics.ap50:.1f} %", flush=True)


if __name__ == "__main__":
    main()
