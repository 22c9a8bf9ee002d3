"""Zero-shot classification of one's own images: `dse classify`."""

from argparse import Namespace
from collections.abc import Sequence

import torch

from dse.commands.figures import write_json
from dse.commands.searching import (
    counted,
    describe_images,
    load_run,
    log_notes,
    output_files,
    print_written,
    skipped_list,
)
from dse.evaluation import Metrics, confusion, measure
from dse.images.image_folder import find_images, read_image_folder
from dse.images.views import read_image
from dse.runs import Run
from dse.search.calibration import Calibration, calibration, fitted_calibration
from dse.search.classes import UNKNOWN, Classification, classify, folder_labels, read_classes
from dse.search.pages import Tile, chart, heading, notes, page, paragraph, sheet, table, thumbnail
from dse.search.ranking import reading_notes
from dse.utils.errors import InputError, printable
from dse.utils.files import written_whole

SHOWN = 12
"""Images at either end of certainty that the page shows."""
PRINTED = 20
"""Rows of the table that are printed; the page and the JSON have all."""


def classify_images(options: Namespace) -> None:
    classes = read_classes(options.classes)
    files = output_files(options, options.images.resolve().name or "images", (".html",))
    if options.calibration:
        there = find_images(options.images)
        _refuse_few_labels(options, folder_labels(options.images, there, list(classes)))
    run, encoder = load_run(options)
    told = _class_notes(run, classes)
    images = read_image_folder(options.images, encoder, device=run.device)
    found = classify(run, classes, images)
    if options.calibration:
        _refuse_few_labels(options, found.labels)
    metrics = _measured(found)
    calibrations = _calibrations(metrics) if options.calibration else {}

    summary = [f"{counted(images)}, {len(classes)} classes", _accuracy(found, metrics)]
    _print_table(found)
    print("\n".join([*summary, *_calibration_text(calibrations)]))
    log_notes(told)
    with written_whole(files[".html"]) as partial:
        parts = [*map(paragraph, summary), notes(told), *_page_parts(found, metrics, calibrations)]
        partial.write_text(page(f"{printable(options.images)}, named", parts), encoding="utf-8")
    print_written(files)
    figures = {
        "run": str(options.run),
        "classes": {name: len(descriptions) for name, descriptions in classes.items()},
        "notes": told,
        **describe_images(images, encoder),
        **_measured_figures(metrics, calibrations),
        "results": [
            {"image": str(path), "class": name, "score": score, "margin": margin, "label": label}
            for path, (_, name, score, margin, label) in zip(
                images.paths, _rows(found), strict=True
            )
        ],
    }
    write_json(figures, options.json)


def _refuse_few_labels(options: Namespace, labels: torch.Tensor) -> None:
    known = int((labels != UNKNOWN).sum())
    if known < 2:
        raise InputError(
            f"{known} of {len(labels)} images under {options.images} lie in a folder with the name "
            "of a class: a calibration needs two or more that can be read"
        )


def _class_notes(run: Run, classes: dict[str, list[str]]) -> list[str]:
    told = [
        f"class {name!r}: {note}"
        for name, descriptions in classes.items()
        for description in descriptions
        for note in reading_notes(run, description)
    ]
    return list(dict.fromkeys(told))


def _measured(found: Classification) -> Metrics | None:
    """The figures of the images whose class is known; None without one."""
    known = found.labelled
    if not len(known):
        return None
    return measure(found.scores[known], found.labels[known], found.class_names)


def _calibrations(metrics: Metrics) -> dict[str, Calibration]:
    fitted = fitted_calibration(metrics.scores, metrics.labels)
    return {
        "scores as they are": calibration(metrics.scores, metrics.labels, temperature=1.0),
        f"scores divided by {fitted.temperature:.3g}": fitted,
    }


def _accuracy(found: Classification, metrics: Metrics | None) -> str:
    if metrics is None:
        return "no image lies in a folder with the name of a class: what is right is not known"
    chance = 100 / len(found.class_names)
    return (
        f"{len(metrics.labels):,} images lie in a folder with the name of a class: top-1 "
        f"{100 * metrics.top1:.1f} %, per class {100 * metrics.top1_per_class:.1f} % (chance level "
        f"{chance:.1f} %)"
    )


def _calibration_text(calibrations: dict[str, Calibration]) -> list[str]:
    if not calibrations:
        return []
    texts = [
        "scores of this model are not probabilities: its loss asks only that the right class is "
        "ahead by a margin. A softmax makes confidences of them; how often they were right:"
    ]
    for name, measured in calibrations.items():
        stated = 100 * float(measured.confidence.mean())
        right = 100 * float(measured.hits.double().mean())
        texts.append(
            f"{name}: confidence {stated:.1f} % on average, right {right:.1f} %; expected "
            f"calibration error {100 * measured.error:.1f} points over {len(measured.hits):,} "
            "images"
        )
    texts.append(
        "the divisor was fitted on one half of the images and measured on the other, both ways. "
        "With few images some of the error is chance."
    )
    return texts


def _rows(found: Classification) -> list[tuple[str, str, float, float, str]]:
    """Of each image its name, class, score, margin to the second class, and label or ''."""
    names = [*found.class_names, ""]  # UNKNOWN is the last
    return [
        (found.images.name(path), names[best], score, margin, names[label])
        for path, best, score, margin, label in zip(
            found.images.paths,
            found.predicted.tolist(),
            found.scores.max(1).values.tolist(),
            found.margins.tolist(),
            found.labels.tolist(),
            strict=True,
        )
    ]


def _print_table(found: Classification) -> None:
    rows = [(image, printable(name), *more) for image, name, *more in _rows(found)[:PRINTED]]
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    widths = [max(width, 5) for width in widths]
    print(f"{'image':{widths[0]}}  {'class':{widths[1]}}  {'score':>8}  {'margin':>7}")
    for image, name, score, margin, _ in rows:
        print(f"{image:{widths[0]}}  {name:{widths[1]}}  {score:8.3f}  {margin:7.3f}")
    if len(found.images) > PRINTED:
        print(f"and {len(found.images) - PRINTED:,} more, in the page and with --json")


def _page_parts(
    found: Classification, metrics: Metrics | None, calibrations: dict[str, Calibration]
) -> list[str]:
    order = found.margins.argsort(stable=True).tolist()  # the least certain first
    least, most = order[:SHOWN], order[SHOWN:][::-1][:SHOWN]
    parts = [
        heading("Least certain"),
        paragraph("The two best classes are closest together here."),
        sheet(_tiles(found, least)),
    ]
    if most:
        parts += [heading("Most certain"), sheet(_tiles(found, most))]
    if metrics is not None:
        parts += [heading("What was taken for what"), *_confusion_parts(metrics)]
    if calibrations:
        from dse.search.plots import reliability_diagram, to_svg  # slow to import

        alt = "Share of right predictions against confidence; on the diagonal the two are equal."
        parts += [
            heading("Can the scores be read as probabilities?"),
            *map(paragraph, _calibration_text(calibrations)),
            chart(to_svg(reliability_diagram(calibrations)), alt),
        ]
    columns = ("image", "class", "score", "margin", "folder says")
    return [
        *parts,
        heading("All images"),
        table(f"{len(found.images):,} images", columns, _rows(found)),
        skipped_list(found.images),
    ]


def _tiles(found: Classification, chosen: Sequence[int]) -> list[Tile]:
    rows = _rows(found)
    tiles = []
    for i in chosen:
        image, name, score, margin, label = rows[i]
        tiles.append(
            Tile(
                thumbnail(read_image(found.images.paths[i])),
                name,
                [f"score {score:.3f}, margin {margin:.3f}", image],
                alt=f"{image}, named {name}",
                wrong=f"✗ folder says {label}" if label not in ("", name) else "",
            )
        )
    return tiles


def _confusion_parts(metrics: Metrics) -> list[str]:
    from dse.search.plots import confusion_heatmap, to_svg  # slow to import

    counts = confusion(metrics.scores, metrics.labels)
    right, names = int(counts.trace()), [printable(name) for name in metrics.class_names]
    mistakes = counts.clone().fill_diagonal_(0)
    row, column = divmod(int(mistakes.argmax()), len(names))
    worst = (
        f"The most frequent mistake: {names[row]}, taken for {names[column]} "
        f"({int(mistakes[row, column])} of {int(counts[row].sum())})."
        if mistakes.any()
        else "No mistake."
    )
    alt = f"Confusion of {len(names)} classes: {right} of {len(metrics.labels)} images are right."
    return [paragraph(worst), chart(to_svg(confusion_heatmap(counts, names)), f"{alt} {worst}")]


def _measured_figures(metrics: Metrics | None, calibrations: dict[str, Calibration]) -> dict:
    if metrics is None:
        return {"labelled": 0}
    figures = {
        "labelled": len(metrics.labels),
        "top1": metrics.top1,
        "top1_per_class": metrics.top1_per_class,
        "confusion": {
            "classes": metrics.class_names,
            "counts": confusion(metrics.scores, metrics.labels).tolist(),
        },
    }
    if calibrations:
        figures["calibration"] = [
            {"temperature": c.temperature, "expected_calibration_error": c.error, "bins": c.bins}
            for c in calibrations.values()
        ]
    return figures
