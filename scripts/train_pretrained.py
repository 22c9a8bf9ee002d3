"""Train the char-CNN-RNN that comes with `dse`; write it and its card into `dse/text/weights`.

    python scripts/train_pretrained.py

Ten minutes on two cores. The run is trained as in chapter 5, but for longer, on the species of
`trainval`, with one seed and nothing chosen on `test`. Its weights are kept in float16; what the
card says was measured with those.
"""

import shutil

import dse
from dse.datasets.fieldguide import confusable_pairs
from dse.datasets.fieldguide.challenges import CHALLENGES, with_challenge
from dse.evaluation import RETRIEVED
from dse.runs import PRETRAINED
from dse.utils.files import written_whole

NAME = "fieldguide"
CONFIG = dse.TrainingConfig("char-cnn-rnn", steps=6000, seed=0)
CARD = """\
| | `dse.load_pretrained("{name}")` |
|---|---|
| What | a char-CNN-RNN, the paper's main network; {parameters:,} parameters |
| Weights | safetensors, kept in float16 ({megabytes:.1f} MB), computed with in float32 |
| Reads | the first 201 characters of a text, in small letters |
| Gives | {dim:,} numbers; their inner product with an image's features is the score |
| Image features | `fieldguide`, the frozen image encoder that comes with `dse` |
| Trained on | the {classes} `trainval` species of FieldGuide |
| These have | {images:,} pictures and {captions:,} captions |
| Trained with | {steps:,} steps of {batch_size} pairs, objective `{objective}`, seed {seed} |
| Chosen on the test species | nothing |
| Made again by | `python scripts/train_pretrained.py` (torch {torch}) |
| Licence | MIT, as the code of `dse`, which also draws and writes the data |

| On the {test_classes} test species, never seen in training | score | chance |
|---|--:|--:|
| pictures given to the right species (top-1) | {top1:.1f}\xa0% | {chance:.0f}\xa0% |
| pictures of the right species among the first 50, at most {most50:.1f}\xa0% | {ap50:.1f}\xa0% | |
{pairs}

**Limits.** It knows the drawn birds of FieldGuide and the English words of their captions. It has
never read another text, and scores whatever it is given. One seed was trained; another seed gives
other numbers. It is here to be looked into, and says nothing about photographs.
"""


def main() -> None:
    data = dse.load_dataset("fieldguide")
    publish(dse.train(data, CONFIG), data)


def publish(run: dse.Run, data: dse.DescribedImages) -> None:
    """Write a run in half precision, with a card that says what it is and how well it does."""
    run.encoder.half()
    with written_whole(PRETRAINED / NAME) as folder:
        run.save(folder)
        saved = dse.Run.load(folder)
        card = CARD.format(**facts(saved, data))
        (folder / "card.md").write_text(card, encoding="utf-8")
        shutil.rmtree(PRETRAINED / NAME, ignore_errors=True)  # a folder does not replace another
    print(card)


def facts(run: dse.Run, data: dse.DescribedImages) -> dict:
    """What the card says."""
    trained = data.subset(run.config.split)
    metrics = dse.evaluate(run, data)
    pairs = {"captions as those of training": pair_accuracy(metrics)}
    for name in CHALLENGES:
        pairs[f"the challenge *{name}*"] = pair_accuracy(
            dse.evaluate(run, with_challenge(data, name))
        )
    parameters = sum(parameter.numel() for parameter in run.encoder.parameters())
    return {
        "name": NAME,
        "parameters": parameters,
        "megabytes": 2 * parameters / 1e6,
        "dim": run.encoder.linear.out_features,
        "classes": len(trained.class_names),
        "images": len(trained),
        "captions": len(trained.all_captions),
        "steps": len(run.history),
        "batch_size": run.config.batch_size,
        "objective": run.config.objective,
        "seed": run.config.seed,
        "torch": run.versions["torch"],
        "test_classes": len(metrics.class_names),
        "chance": 100 / len(metrics.class_names),
        "top1": 100 * metrics.top1,
        "ap50": 100 * metrics.ap50,
        "most50": 100 * float((metrics.labels.bincount() / RETRIEVED).clamp(max=1).mean()),
        "pairs": "\n".join(
            f"| confusable pairs told apart: {which} | {100 * value:.1f}\xa0% | 50\xa0% |"
            for which, value in pairs.items()
        ),
    }


def pair_accuracy(metrics: dse.Metrics) -> float:
    pairs = confusable_pairs(metrics.class_names)
    return float(dse.pair_accuracy(metrics.scores, metrics.labels, pairs).mean())


if __name__ == "__main__":
    main()
