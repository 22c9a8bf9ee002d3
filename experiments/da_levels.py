"""Is DA-SJE's poor retrieval a matter of each image's level alone?

    python experiments/da_levels.py cub --root DATA --image-encoder efficientnet-lite0 \\
        --out results/cub/da-levels.json

Trains text encoders with DA-SJE. From the scores of the test images it takes the precision at 50
twice: as they are, and after each image's mean over the classes, its level, was taken off. An
encoder that is in the file already is not trained again.
"""

import argparse
import json
import time
from pathlib import Path

import dse
from dse.evaluation import measure
from dse.reproduction import Cell
from dse.utils.files import written_whole

ENCODERS = ("attributes", "word2vec", "bag-of-words", "word-cnn", "word-lstm", "word-cnn-rnn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--root")
    parser.add_argument("--image-encoder")
    parser.add_argument("--encoders", nargs="+", default=ENCODERS)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = dse.load_dataset(
        arguments.dataset, arguments.root, image_encoder=arguments.image_encoder
    )
    for name in arguments.encoders:
        results = {}
        if arguments.out.exists():
            results = json.loads(arguments.out.read_text(encoding="utf-8"))
        if name in results:
            continue
        started = time.monotonic()
        config = Cell(name, "da").training_config(data)
        run = dse.train(data, config, progress=False)
        metrics = dse.evaluate(run, data, "test")
        level = metrics.scores.mean(1, keepdim=True)
        rest = metrics.scores - level
        results[name] = {
            "steps": config.steps,
            "seed": config.seed,
            "top1": round(metrics.top1, 6),
            "ap50": round(metrics.ap50, 6),
            "ap50_levelled": round(measure(rest, metrics.labels, metrics.class_names).ap50, 6),
            "retrieved": metrics.scores.topk(50, dim=0).indices.unique().numel(),
            "images": len(metrics.labels),
            "spread_of_levels": round(float(level.std()), 4),
            "spread_within": round(float(rest.std()), 4),
            "data": data.fingerprint(),
            "minutes": round((time.monotonic() - started) / 60, 1),
            **run.versions,
        }
        with written_whole(arguments.out) as path:
            path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(json.dumps({name: results[name]}), flush=True)


if __name__ == "__main__":
    main()
