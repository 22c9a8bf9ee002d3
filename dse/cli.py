"""The command line: `dse COMMAND`, the same as `python -m dse COMMAND`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args

from safetensors import SafetensorError

from dse.commands import classification, data, demo, embedding, explanation, searching, training
from dse.commands.figures import refuse_overwriting
from dse.config import TrainingConfig
from dse.utils.console import set_up_console
from dse.utils.errors import InputError

EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130


class _OneLineParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line that says where help is."""

    def error(self, message: str) -> None:
        line = InputError(f"{message}; see {self.prog} --help")  # it may quote anything
        print(f"dse: {line}", file=sys.stderr)
        sys.exit(EXIT_WRONG_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or 2 after one line about what is wrong.

    `dse data` prints a line for everything that is wrong with the data set.
    """
    set_up_console()
    options = _parser().parse_args(arguments)
    try:
        refuse_overwriting(options)
        options.command(options)
    except InputError as error:
        lines = error.problems if options.command is data.describe_data else [error]
        for line in lines:
            print(f"dse: {line}", file=sys.stderr)
        return EXIT_WRONG_INPUT
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        where = getattr(error, "filename", None) or "a file"
        line = InputError(f"{where} cannot be read or written ({reason})")
        print(f"dse: {line}", file=sys.stderr)
        return EXIT_WRONG_INPUT
    except KeyboardInterrupt:
        print("dse: interrupted; partial output will be ignored", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="dse",
        description="Recognise and retrieve unseen species from plain descriptions.",
    )
    subparsers = parser.add_subparsers(
        required=True, metavar="COMMAND", parser_class=_OneLineParser
    )

    describe = subparsers.add_parser("data", help="describe and verify a data set")
    _add_dataset(describe)
    _add_json(describe)
    describe.set_defaults(command=data.describe_data)

    download = subparsers.add_parser("download", help="fetch the public archives of a data set")
    download.add_argument("name", metavar="NAME", help="cub or flowers")
    download.add_argument("--root", metavar="DIR", help="the folder to download to ($DSE_ROOT)")
    download.set_defaults(command=data.download)

    features = subparsers.add_parser("features", help="extract and cache image features")
    _add_dataset(features)
    _add_features(features)
    _add_device(features)
    _add_json(features)
    features.set_defaults(command=data.extract_features)

    train = subparsers.add_parser("train", help="train a text encoder")
    _add_dataset(train)
    _add_features(train)
    _add_configuration(train)
    train.add_argument("--out", required=True, type=Path, metavar="RUN", help="a new folder")
    train.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    _add_device(train)
    train.add_argument(
        "--devices", type=int, default=1, metavar="N", help="GPUs, or processes without a GPU"
    )
    train.add_argument(
        "--nodes", type=int, default=1, metavar="N", help="machines, started by torchrun"
    )
    train.add_argument("--tensorboard", type=Path, metavar="DIR", help="logs for TensorBoard")
    train.set_defaults(command=training.train)

    evaluate = subparsers.add_parser("evaluate", help="measure a run on unseen classes")
    _add_run(evaluate)
    evaluate.add_argument(
        "--root", metavar="DIR", help="the folder that holds the data, if it moved"
    )
    evaluate.add_argument("--split", default="test", help="classes to choose from (default test)")
    _add_device(evaluate)
    _add_json(evaluate)
    evaluate.set_defaults(command=training.evaluate)

    embed = subparsers.add_parser("embed", help="embed captions")
    _add_run(embed)
    embed.add_argument(
        "captions", type=Path, metavar="FILE", help="one caption a line; or a folder text_c10"
    )
    embed.add_argument(
        "--out", required=True, type=Path, metavar="FILE.npy", help="or FILE.safetensors"
    )
    _add_device(embed)
    _add_json(embed)
    embed.set_defaults(command=embedding.embed)

    explain = subparsers.add_parser("explain", help="why a caption has its score with an image")
    _add_run(explain)
    explain.add_argument("caption", metavar="CAPTION", help="a description, in quotes")
    explain.add_argument(
        "--image", required=True, type=Path, metavar="FILE", help="a JPEG, PNG or WebP file"
    )
    _add_image_encoder(explain)
    explain.add_argument(
        "--out", type=Path, metavar="FILE", help="also draw it, in a .png or .html file"
    )
    _add_device(explain)
    _add_json(explain)
    explain.set_defaults(command=explanation.explain)

    search = subparsers.add_parser("search", help="find images by a description")
    _add_run(search)
    search.add_argument("description", metavar="DESCRIPTION", help="what the image shows")
    _add_image_folder(search)
    _add_top(search, 12)
    _add_out(search, "search", "a folder for a contact sheet, or one .html or .png file")
    _add_device(search)
    _add_json(search)
    search.set_defaults(command=searching.search)

    describing = subparsers.add_parser("describe", help="rank descriptions for an image")
    _add_run(describing)
    describing.add_argument("--image", required=True, type=Path, metavar="FILE", help="the image")
    describing.add_argument(
        "--captions", required=True, type=Path, metavar="FILE", help="one description a line"
    )
    _add_image_encoder(describing)
    _add_top(describing, 10)
    _add_device(describing)
    _add_json(describing)
    describing.set_defaults(command=searching.describe)

    classify = subparsers.add_parser("classify", help="name images by classes of your own")
    _add_run(classify)
    _add_image_folder(classify)
    classify.add_argument(
        "--classes",
        required=True,
        type=Path,
        metavar="FILE",
        help='lines "class name: description", or JSON {"class name": ["description", ...]}',
    )
    classify.add_argument(
        "--calibration",
        action="store_true",
        help="measure how far scores are probabilities, on images in folders named as classes",
    )
    _add_out(classify, "classify", "a folder for the page, or one .html file")
    _add_device(classify)
    _add_json(classify)
    classify.set_defaults(command=classification.classify_images)

    shown = subparsers.add_parser("demo", help="a run as a page in your browser")
    _add_run(shown)
    _add_image_folder(shown, required=False)
    shown.add_argument("--classes", type=Path, metavar="FILE", help="as for dse classify")
    shown.add_argument("--root", metavar="DIR", help="the folder that holds the data, if it moved")
    shown.add_argument(
        "--host", default="127.0.0.1", metavar="NAME", help="0.0.0.0 lets other computers in"
    )
    shown.add_argument("--port", type=int, default=7860, metavar="N", help="default 7860; 0: any")
    _add_device(shown)
    shown.set_defaults(command=demo.demo)

    reproduce = subparsers.add_parser("reproduce", help="the paper's tables and figures, measured")
    _add_dataset(reproduce)
    _add_features(reproduce)
    reproduce.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="PART",
        help="table, seeds, figure4a, baselines, modern, da, summary; an encoder; a cell",
    )
    reproduce.add_argument(
        "--seeds", type=int, metavar="N", help="repeat each run with seeds 0 to N-1"
    )
    length = reproduce.add_mutually_exclusive_group()
    length.add_argument("--full", action="store_true", help="train as long as the authors did")
    length.add_argument(
        "--steps", type=int, metavar="N", help="minibatches of every run, for a short trial"
    )
    reproduce.add_argument("--parallel", choices=["ray"], help="spread the runs over a Ray cluster")
    _add_device(reproduce)
    reproduce.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="one file a run is written to DIR/NAME/ (default results)",
    )
    reproduce.set_defaults(command=training.reproduce)

    weights = subparsers.add_parser("import-weights", help="make a run from published weights")
    weights.add_argument(
        "file", type=Path, metavar="FILE", help="the authors' .t7, or a port's .pth"
    )
    weights.add_argument("--out", required=True, type=Path, metavar="RUN", help="a new folder")
    weights.set_defaults(command=training.import_weights)
    return parser


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="fieldguide, cub, flowers, release or folder")
    parser.add_argument("--root", metavar="DIR", help="the folder that holds the data ($DSE_ROOT)")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a folder that dse train made, or fieldguide"
    )


def _add_image_folder(parser: argparse.ArgumentParser, required: bool = True) -> None:
    told = "images, in subfolders too"
    told += "" if required else " (default: the unseen ones of the run's data set)"
    parser.add_argument("--images", required=required, type=Path, metavar="DIR", help=told)
    _add_image_encoder(parser)


def _add_image_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image-encoder", metavar="NAME", help="another network than the run remembers"
    )


def _add_top(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument(
        "--top", type=_positive, default=default, metavar="N", help=f"how many (default {default})"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def _add_out(parser: argparse.ArgumentParser, default: str, told: str) -> None:
    told += f" (default {default})"
    parser.add_argument("--out", type=Path, default=Path(default), metavar="PATH", help=told)


def _add_features(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image-encoder",
        metavar="NAME",
        help="googlenet, efficientnet-lite0, torchvision/MODEL, timm/MODEL or fieldguide",
    )
    parser.add_argument(
        "--views",
        type=int,
        default=1,
        metavar="N",
        help="1, the whole image (default), or 10 crops",
    )
    parser.add_argument(
        "--feature-precision",
        default="32-true",
        metavar="NAME",
        help="of the image encoder: 32-true (default), bf16-mixed or 16-mixed",
    )
    parser.add_argument(
        "--float16", action="store_true", help="keep the features in half the memory"
    )


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    """A flag for every field of `TrainingConfig`; those that were not given stay out."""
    for field in fields(TrainingConfig):
        kind = (*get_args(field.type), field.type)[0]  # the int of `int | None`
        told = field.metadata["help"]
        metavar = {str: "NAME", int: "N", float: "X"}[kind]
        required = field.default is MISSING
        told += "" if required or field.default is None else f" (default {field.default})"
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=kind,
            metavar=metavar,
            required=required,
            default=argparse.SUPPRESS,
            help=told,
        )


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps (default: the best one here)"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
