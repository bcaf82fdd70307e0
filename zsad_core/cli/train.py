"""`zsad train`: the learned part of a method, or a demo backbone."""

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from zsad_core import backbones, methods, setups
from zsad_core.base.wording import whole_number
from zsad_core.cli import split
from zsad_core.cli.data import DATA, add_meaning, chosen, modality_of
from zsad_core.cli.progress import show
from zsad_core.imaging.datasets import DEMOS
from zsad_core.inference.engine import Engine
from zsad_core.training import card, card_text, request_files, runs
from zsad_core.training.backbone import PLANS, train_backbone
from zsad_core.training.material import KINDS, Source, kind_of, of_scans
from zsad_core.training.runs import TrainRequest
from zsad_core.types import BackboneSpec

OF_BACKBONE = ("backbone", "seed", "device", "out", "usage_error", "run")


def options(parser: argparse.ArgumentParser) -> None:
    """Arguments of the train command; one that is not given is None."""
    add = parser.add_argument
    add("--method", choices=methods.trainable(), help="train the learned part of a method")
    add("--backbone", metavar="NAME|CONFIG.json", help="the CLIP to train it on; alone: a demo CLIP"
        f" to train, {' or '.join(PLANS)}")  # fmt: skip
    add("--weights", help="of the backbone: pretrained tag or weights file")
    add("--setup", choices=runs.SETUPS, help="what the method learns from")
    add(
        "--data",
        metavar=f"{DATA}|IMAGES",
        help="a data set's name, a root of scans, or an image set",
    )
    add_meaning(parser, KINDS)
    add("--subjects", type=_positive, metavar="N", help="at most (default 40)")
    add("--slices", type=_positive, metavar="N", help="with lesion, per subject (default 40)")
    add("--images", type=_positive, metavar="N", help="of an image set or surfaces, at most")
    add("--split-name", metavar="NAME", help="where data have several splits")
    add("--no-split", action="store_true", default=None,
        help="take scans without a split: every fifth patient validates")  # fmt: skip
    add("--leave-out", action="append", metavar="CLASS", help="of an image set, for tests later")
    add("--epochs", type=_positive, metavar="N", help="at most")
    add("--loss-side", type=_positive, metavar="N", help=f"pixels (default {runs.LOSS_SIDE})")
    add("--image-size", type=_positive, metavar="N", help="side of the tower's input")
    add("--option", action="append", metavar="NAME=VALUE", help="of the method")
    add("--start", metavar="CHECKPOINT", help="for --setup finetune")
    add("--official", metavar="FILE.pth", help="also the official format")
    add("--seed", type=int, help="default 0; a backbone has its own")
    add("--device", default=backbones.default_device())
    add("--precision", choices=["float32", "bfloat16"], help="of the image tower")
    add("--out", type=Path, help="checkpoint file; folder for a backbone")
    parser.set_defaults(usage_error=parser.error)


def run(parsed: argparse.Namespace) -> None:
    """Train as the options say; ZsadError, or exit 2 for options that exclude each other."""
    problem = _combination(parsed)
    if problem:
        parsed.usage_error(problem)
    if parsed.method is None:
        _backbone(parsed)
        return
    request = _request(parsed)
    request_files.with_whole_paths(request)  # what may not be read is refused before it is
    done = runs.epochs_done(request)
    if done:
        print(f"going on after epoch {done}, kept in {runs.unfinished(request)}")
    fitted = runs.run(request, show, _tell)
    request_files.keep(request)
    runs.finish(request)
    losses = f"loss {fitted.loss:.3f}, on validation {fitted.validation_loss:.3f}"
    dice = f"Dice {fitted.validation_dice:.3f} at its best threshold"
    print(f"\nepoch {fitted.epoch} kept: {losses}, {dice}; {request.out}")


def run_card(_: argparse.Namespace) -> None:
    """Evaluate the demo on its validation and test subjects and write the model card."""
    card.measure(Engine(), show)
    print(f"\nmodel card: {card_text.write()}")


def _backbone(parsed: argparse.Namespace) -> None:
    print(train_backbone(parsed.backbone, parsed.seed, parsed.out or backbones.WEIGHTS))
    if parsed.out is None:  # in its place, so that it can be measured by its name
        reached = card.validate(Engine(), parsed.backbone)
        print(f"WinCLIP, best shipped prompts: voxel AUROC {reached:.3f} on validation subjects")
        print(f"model card: {card_text.write()}; the card command fills its table of results")


def _combination(parsed: argparse.Namespace) -> str:
    """A sentence on options that exclude each other, or ""."""
    if parsed.method is None:
        if parsed.backbone is None:
            return "one of the arguments --method --backbone is required"
        options = [name for name in _given(parsed) if name not in OF_BACKBONE]
        return f"--{options[0].replace('_', '-')} goes with --method only" if options else ""
    if parsed.setup is None:
        return f"--method {parsed.method} needs --setup, one of {', '.join(runs.SETUPS)}"
    if parsed.start is not None and parsed.setup != "finetune":
        return f"--start goes with --setup finetune; {parsed.setup} starts from scratch"
    scans = parsed.data in DEMOS or parsed.subjects or parsed.slices
    if parsed.setup == "industrial" and scans:
        return "--setup industrial learns from drawn surfaces or an image set and takes no scans"
    other = [n for n in ("backbone", "image_size", "option") if getattr(parsed, n) is not None]
    if other and parsed.out is None:
        return f"--{other[0].replace('_', '-')} needs --out: the shipped checkpoint stays"
    return ""


def _given(parsed: argparse.Namespace) -> dict[str, Any]:
    """The options that were given; lists as tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(parsed).items()
        if value not in (None, "")
    }


def _request(parsed: argparse.Namespace) -> TrainRequest:
    """The options that were given, as fields of a request; raises ZsadError."""
    options = _given(parsed)
    shipped = setups.CHECKPOINTS / f"{parsed.method}-{parsed.setup}.safetensors"
    shipped.parent.mkdir(parents=True, exist_ok=True)
    backbone = BackboneSpec(parsed.backbone or "", parsed.weights or "")
    source = Source(**{f.name: options[f.name] for f in fields(Source) if f.name in options})
    if source.data and parsed.setup != "industrial" and kind_of(source) == "scans":
        data = split.divided(chosen(parsed, source.data), source.split_name, bool(parsed.no_split))
        source = of_scans(
            data,
            modality_of(data, parsed.modality),
            options.get("subjects", Source.subjects),
            options.get("slices", Source.slices),
        )
    own = {f.name: options[f.name] for f in fields(TrainRequest) if f.name in options}
    own = {"out": shipped, **own, "backbone": backbone, "source": source}
    return TrainRequest(**own)


def _positive(text: str) -> int:
    number = whole_number(text)
    if not number:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return number


def _tell(done: int, total: int, loss: float, seconds: float) -> None:
    line = f"\rstep {done} of {total}, loss {loss:.3f}, {seconds:.0f} s left    "
    print(line, end="", file=sys.stderr, flush=True)
