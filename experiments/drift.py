"""How far do results drift with threads and instruction sets, and how far with the seed?

    python experiments/drift.py --out results/determinism/drift.json

Text encoders are trained on FieldGuide's `train` species and answer for its `val` species, in a
process of its own under each condition: as the machine is, the same once more, with two threads,
and with smaller instruction sets. The image features are the same ones in all of them. The networks
that come with `dse` only answer, for the `test` species, which shows what rounding alone does.
What is in the file already is not measured again. `python scripts/determinism_page.py` brings the
figures into the book.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn.utils import parameters_to_vector

import dse
from dse.images.features import extract_features
from dse.utils.files import written_whole

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
from machine import processor

STEPS = {"bag-of-words": 300, "char-cnn-rnn": 600}
CONDITIONS = {
    "same": {},
    "two threads": {"OMP_NUM_THREADS": "2"},
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "SSE4": {
        "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
}  # fmt: skip
"""What is set besides one thread; all is compared to a process in which nothing is."""
SEEDS = (1, 2)
"""Compared, under the plain condition, to seed 0."""
IMAGES = 64
REAL = {"features", "embeddings", "weights"}
"""What is compared by its distance."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--compute", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compute:
        name, seed, file = arguments.compute
        save_file(shipped() if name == "shipped" else trained(name, int(seed)), file)
        return
    about = {
        "processor": processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "steps": STEPS,
    }
    measured = (
        json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.exists() else {}
    )
    results = measured.get("results", {}) if measured.get("about") == about else {}
    for name, condition, result in measure(results):
        print(name, condition, result, flush=True)
        results.setdefault(name, {})[condition] = result
        with written_whole(arguments.out) as path:
            path.write_text(
                json.dumps({"about": about, "results": results}, indent=1) + "\n", encoding="utf-8"
            )


def measure(results: dict[str, dict]) -> Iterator[tuple[str, str, dict]]:
    """What is not among the results yet: names, conditions, and how far from the plain one."""
    for name in ("shipped", *STEPS):
        seeds = {} if name == "shipped" else {f"seed {seed}": seed for seed in SEEDS}
        missing = [
            one for one in ("plain", *CONDITIONS, *seeds) if one not in results.get(name, {})
        ]
        plain = in_a_process(name) if missing else {}
        for condition in missing:
            other = plain
            if condition != "plain":
                variables = CONDITIONS.get(condition)
                other = in_a_process(name, seeds.get(condition, 0), variables)
            yield name, condition, compared(plain, other)


def in_a_process(
    name: str, seed: int = 0, variables: dict[str, str] | None = None
) -> dict[str, torch.Tensor]:
    """What a process with one thread and these environment variables computes."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "tensors.safetensors")
        command = [sys.executable, __file__, "--out", file, "--compute", name, str(seed), file]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **(variables or {})}
        subprocess.run(command, env=environment, check=True)
        return load_file(file)


def shipped() -> dict[str, torch.Tensor]:
    """Features, embeddings and answers of the networks that come with `dse`."""
    data = unseen_species("test")
    run = dse.load_pretrained("fieldguide")
    captions = [own[0] for own in data.captions[:IMAGES]]
    return {
        "features": extract_features(
            data.image_paths[:IMAGES], dse.load_image_encoder("fieldguide")
        ),
        "embeddings": run.encode(captions),
        **answers(run, data),
    }


def trained(name: str, seed: int) -> dict[str, torch.Tensor]:
    """Weights and answers of a text encoder, trained here."""
    data = dse.load_dataset("fieldguide")
    config = dse.TrainingConfig(name, steps=STEPS[name], split="train", seed=seed)
    run = dse.train(data, config, progress=False)
    weights = parameters_to_vector(run.encoder.parameters()).detach()
    return {"weights": weights, **answers(run, unseen_species("val"))}


def unseen_species(split: str) -> dse.DescribedImages:
    """A split with one caption of each image: enough to tell answers apart."""
    data = dse.load_dataset("fieldguide").subset(split)
    return replace(data, captions=[own[:1] for own in data.captions])


def answers(run: dse.Run, data: dse.DescribedImages) -> dict[str, torch.Tensor]:
    (split,) = data.splits
    metrics = dse.evaluate(run, data, split)
    return {"answers": metrics.scores.argmax(1), "hits": metrics.hits}


def compared(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict:
    """Whether the weights have the same bits, and how far they and what follows are apart."""
    return {
        "same_bits": all(torch.equal(one[key], other[key]) for key in one),
        **{key: distance(one[key], other[key]) for key in REAL & one.keys()},
        "other_answers": round(float((one["answers"] != other["answers"]).double().mean()), 4),
        "top1": top1(other),
    }


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """|one - other| / |one|, to two digits."""
    return float(f"{float((one - other).double().norm() / one.double().norm()):.1e}")


def top1(computed: dict[str, torch.Tensor]) -> float:
    return round(float(computed["hits"].double().mean()), 4)


if __name__ == "__main__":
    main()
