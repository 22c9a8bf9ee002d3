"""Training and measuring: `dse train`, `evaluate`, `reproduce`, `import-weights`."""

import logging
from argparse import Namespace
from dataclasses import fields
from pathlib import Path

import dse
from dse.commands.data import with_features
from dse.commands.figures import write_json
from dse.datasets import DATASETS
from dse.datasets.fieldguide import confusable_pairs
from dse.evaluation import RETRIEVED
from dse.reproduction import choose_cells, run_cells, write_summary
from dse.runs import refuse_used_folder
from dse.sampling import fit_batch_size
from dse.text.tokens import unknown_words, words
from dse.training.checkpoints import refuse_unless_free
from dse.training.devices import is_first_process, refuse_uneven_shares, start_devices
from dse.utils.devices import pick_device
from dse.utils.errors import InputError

logger = logging.getLogger(__name__)


def train(options: Namespace) -> None:
    given = {f.name: vars(options)[f.name] for f in fields(dse.TrainingConfig) if f.name in options}
    config = dse.TrainingConfig(**given)
    refuse_unless_free(options.out, options.resume)
    refuse_uneven_shares(config.batch_size, max(1, options.devices * options.nodes))
    # Processes start first: one of them then prepares the data, and the others wait.
    fabric = start_devices(options.devices, options.nodes, config.precision, options.device)
    with fabric.rank_zero_first():
        data = dse.read_dataset(options.name, options.root)
        config = fit_batch_size(
            config, len(data.subset(config.split).class_names), fabric.world_size,
            chosen="batch_size" in given,
        )  # fmt: skip
        data = with_features(data, options, device=fabric.device, progress=fabric.is_global_zero)
    run = dse.train(
        data, config, options.out, options.resume, fabric=fabric, tensorboard=options.tensorboard
    )
    if not is_first_process():
        return
    recent = run.history.tail(100)
    print(
        f"{options.out}: {config.text_encoder}, {len(run.history)} steps; over the last "
        f"{len(recent)}: loss {recent.loss.mean():.3f}, accuracy in the batch "
        f"{recent.batch_accuracy.mean():.2f}"
    )
    if run.best_step is not None:
        best = run.validation.set_index("step").loc[run.best_step]
        print(
            f"val: best top-1 {100 * best.top1:.1f} % and precision at 50 {100 * best.ap50:.1f} % "
            f"after {run.best_step} steps ({options.out / 'best'}); now train on both: --split "
            f"trainval --steps {run.best_step}"
        )


def evaluate(options: Namespace) -> None:
    device = pick_device(options.device)
    run = dse.Run.load(options.run, device)
    if run.dataset.get("name") not in DATASETS:
        raise InputError(
            f"{options.run} names no data set that can be read: evaluate it in Python, dse.evaluate"
        )
    data = dse.load_dataset(
        run.dataset["name"],
        options.root or run.dataset.get("root"),
        image_encoder=run.dataset.get("image_encoder"),
        float16=run.dataset.get("float16", False),
        precision=run.dataset.get("feature_precision", "32-true"),
        device=device,
    )
    _refuse_other_data(options.run, run, data)
    metrics = dse.evaluate(run, data, options.split)
    trained_on, measured = (data.splits.get(name, []) for name in (run.config.split, options.split))
    seen = set(map(int, trained_on)) & set(map(int, measured))
    if seen:
        logger.warning("note: the run was trained on %d of these classes", len(seen))
    figures = metrics.to_dict()
    chance = 100 / figures["classes"]
    print(f"{options.split}: {figures['classes']} classes, {figures['images']} images")
    print(f"top-1            {100 * metrics.top1:5.1f} %  (chance level {chance:.1f} %)")
    print(f"top-1 per class  {100 * metrics.top1_per_class:5.1f} %")
    print(f"precision at 50  {100 * metrics.ap50:5.1f} %{_ceiling(metrics)}")
    pairs = confusable_pairs(metrics.class_names)
    if len(pairs):
        accuracy = dse.pair_accuracy(metrics.scores, metrics.labels, pairs).mean()
        figures["pair_accuracy"] = float(accuracy)
        print(f"confusable pairs {100 * figures['pair_accuracy']:5.1f} %  (chance level 50 %)")
    vocabulary = getattr(getattr(run.encoder, "tokenizer", None), "vocabulary", None)
    if vocabulary is not None:
        captions = data.subset(options.split).all_captions
        unknown = unknown_words(captions, vocabulary)
        figures["unknown_words"] = unknown.total() / max(1, sum(len(words(c)) for c in captions))
        often = ", ".join(word for word, _ in unknown.most_common(5)) or "none"
        print(f"unknown words    {100 * figures['unknown_words']:5.1f} %  (most often: {often})")
    write_json(figures, options.json)


def _ceiling(metrics: dse.Metrics) -> str:
    """Words on the highest precision at 50 that there can be, where it is less than 1."""
    retrieved = min(RETRIEVED, len(metrics.labels))
    images = metrics.labels.bincount(minlength=len(metrics.class_names))
    highest = float((images / retrieved).clamp(max=1).mean())
    return f"  (at most {100 * highest:.1f} %: a class has few images)" if highest < 1 else ""


def _refuse_other_data(folder: Path, run: dse.Run, data: dse.DescribedImages) -> None:
    """Raise an `InputError` if captions, classes or splits are not those of the run's training.

    Features are left out: another device or processor gives others in their last digits.
    """
    there, here = run.dataset, data.describe()
    if there.get("content") is None:  # imported weights, or a run of an earlier version
        logger.warning(
            "note: %s does not say on which captions and splits it was trained: whether %s is the "
            "same cannot be told", folder, data.name,
        )  # fmt: skip
        return
    if there["content"] == here["content"]:
        return
    counts = [
        f"{there.get(what, 0):,} {what} then, {here[what]:,} now"
        for what in ("classes", "images", "captions")
        if there.get(what) != here[what]
    ]
    raise InputError(
        f"{data.name} differs from the data that {folder} was trained on "
        f"({'; '.join(counts) or 'as many images and captions, but others'}): name the same data "
        "with --root, or train again"
    )


def reproduce(options: Namespace) -> None:
    if options.name not in DATASETS:
        raise InputError(f"unknown data set {options.name!r}: choose one of {', '.join(DATASETS)}")
    parts = [name for name in options.only if name != "summary"]
    folder = options.out / options.name
    if parts or not options.only:
        length = "full" if options.full else options.steps
        cells = choose_cells(parts, options.seeds, length)
        data = dse.read_dataset(options.name, options.root)
        data = with_features(data, options, device=options.device)
        states = run_cells(data, cells, folder, options.parallel, options.device)
        failed = states.name[states.state == "failed"].tolist()
        if failed:
            raise InputError(
                f"{len(failed)} of {len(states)} runs failed ({', '.join(failed)}); the others are "
                f"in {folder}"
            )
        print(f"{folder}: {len(states)} runs")
    if "summary" in options.only or not options.only:
        write_summary(folder)
        print(f"{folder / 'summary.md'}: written")


def import_weights(options: Namespace) -> None:
    refuse_used_folder(options.out)
    run = dse.import_weights(options.file)
    run.save(options.out)
    print(f"{options.out}: {run.config.text_encoder}")
