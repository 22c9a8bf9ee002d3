"""What a step of each text encoder costs in floating-point operations, and so the full tables.

    python benchmarks/flops.py fieldguide
    python benchmarks/flops.py cub --root DATA

Counts the matrix products of the forward pass, the loss and the backward pass over minibatches of
the data set's own captions, as many columns or steps as those fill, with 1,024 image features.
Look-ups, additions, thresholds and the optimizer are not counted. A multiplication and the
addition after it are two operations.
"""

import argparse

import torch
from torch.utils.flop_counter import FlopCounterMode

from dse.datasets import DescribedImages, read_dataset
from dse.objective import joint_embedding_loss
from dse.reproduction import PARTS, Cell
from dse.reproduction.cells import PAPER_ENCODERS
from dse.sampling import MinibatchSampler
from dse.text import TEXT_ENCODERS, build_text_encoder
from dse.text.averages import WORD_VECTOR_DIM
from dse.text.tokens import build_vocabulary
from dse.training.loop import encoder_inputs

FEATURES = 1024
MINIBATCHES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--root")
    parser.add_argument("--encoders", nargs="+", default=PAPER_ENCODERS)
    arguments = parser.parse_args()
    data = read_dataset(arguments.dataset, arguments.root)
    training_classes = data.subset("trainval")
    print(f"{'':13}{'forward':>9}{'step':>10}{'steps':>8}{'run':>11}")
    runs = {}
    for name in arguments.encoders:
        if name == "attributes" and data.class_attributes is None:
            continue
        forward, step = flops_of_a_step(training_classes, name)
        steps = Cell(name, length="full").training_config(data).steps
        runs[name] = step * steps
        print(
            f"{name:13}{forward / 1e9:6.3f} GF{step / 1e9:7.3f} GF{steps:8,}"
            f"{runs[name] / 1e12:8.1f} TF"
        )
    for part in ("table", "seeds", "figure4a"):
        cells = [cell for cell in PARTS[part] if cell.text_encoder in runs]
        total = sum(runs[cell.text_encoder] for cell in cells)
        print(f"{part:13}{f'{len(cells)} runs':>27}{total / 1e12:8.1f} TF")


def flops_of_a_step(classes: DescribedImages, name: str) -> tuple[int, int]:
    """Of the forward pass, and of the whole step: means over minibatches of 40."""
    generator = torch.Generator().manual_seed(0)
    encoder = build_text_encoder(name, FEATURES, **needs(classes, name), generator=generator)
    texts = encoder_inputs(encoder, classes)
    sampler = MinibatchSampler(classes)
    forward = step = 0
    for _ in range(MINIBATCHES):
        batch = sampler.draw(generator)
        images = torch.rand(len(batch.classes), FEATURES, generator=generator)
        with FlopCounterMode(display=False) as counter:
            embeddings = encoder(texts[batch.captions])
            forward += counter.get_total_flops()
            joint_embedding_loss(images, embeddings).backward()
        step += counter.get_total_flops()
    return forward // MINIBATCHES, step // MINIBATCHES


def needs(classes: DescribedImages, name: str) -> dict:
    """What `build_text_encoder` needs. The values of word vectors cost nothing."""
    if name == "attributes":
        return {"num_attributes": classes.class_attributes.shape[1]}
    if "vocabulary" not in TEXT_ENCODERS[name].needs:
        return {}
    vocabulary = build_vocabulary(classes.all_captions)
    if name == "word2vec":
        vectors = torch.zeros(len(vocabulary), WORD_VECTOR_DIM)
        return {"vocabulary": vocabulary, "word_vectors": vectors}
    return {"vocabulary": vocabulary}


if __name__ == "__main__":
    main()
