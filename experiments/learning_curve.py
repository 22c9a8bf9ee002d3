"""Follow a text encoder on the unseen classes while it trains, and write the curve as JSON.

    python experiments/learning_curve.py cub --root DATA --text-encoder char-cnn-rnn \
        --steps 10000 --every 300 --out results/cub/curve-char-cnn-rnn.json

The curve is for looking at: nothing is chosen by it.
"""

import argparse
import json
import time
from pathlib import Path

import torch

import dse
from dse.utils.files import written_whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--root")
    parser.add_argument("--image-encoder")
    parser.add_argument("--text-encoder", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--every", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    data = dse.load_dataset(
        arguments.dataset, arguments.root, image_encoder=arguments.image_encoder
    )
    config = dse.TrainingConfig(arguments.text_encoder, steps=arguments.steps, seed=arguments.seed)
    curve = []
    started = time.monotonic()

    def follow(step: int, run: dse.Run) -> None:
        if step % arguments.every:
            return
        metrics = dse.evaluate(run, data)
        curve.append({"steps": step, "top1": metrics.top1, "ap50": metrics.ap50})
        result = {
            "dataset": arguments.dataset,
            "image_encoder": data.image_encoder,
            "text_encoder": arguments.text_encoder,
            "objective": config.objective,
            "seed": arguments.seed,
            "classes": len(metrics.class_names),
            "images": len(metrics.labels),
            "minutes": round((time.monotonic() - started) / 60, 1),
            "torch": torch.__version__,
            "curve": curve,
        }
        with written_whole(arguments.out) as path:
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(
            f"{step:6d} steps: top-1 {100 * metrics.top1:.1f} %, {result['minutes']} min",
            flush=True,
        )

    dse.train(data, config, progress=False, callback=follow)


if __name__ == "__main__":
    main()
