"""`python -m zsad_core train`: the learned part of a method, or a demo backbone."""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from zsad_core import backbones, setups
from zsad_core.engine import Engine
from zsad_core.errors import SettingError
from zsad_core.training import card, card_text, examples, fit
from zsad_core.training.anomalyclip import PromptVectors
from zsad_core.training.aprilgan import LinearLayers
from zsad_core.training.backbone import train_backbone
from zsad_core.training.fit import Fitted
from zsad_core.training.learner import Learner, Tensors, save
from zsad_core.training.material import Material, Source, gather
from zsad_core.training.mvfa import Adapters

LEARNERS: dict[str, Callable[[examples.Encoder], Learner]] = {
    "aprilgan": LinearLayers,
    "anomalyclip": PromptVectors,
    "mvfa": Adapters,
}
SETUPS = ("industrial", "finetune", "brats", "pmc")
OF_METHOD = ("setup", "data", "epochs", "start", "official", "slices", "subjects", "loss_side")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the train command."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--method", choices=list(LEARNERS), help="train the learned part of a method")
    what.add_argument("--backbone", choices=["demo", "demo-pmc"], help="train a demo CLIP")
    parser.add_argument("--setup", choices=SETUPS, help="what the method learns from")
    parser.add_argument("--data", metavar="demo|ROOT", help="a data set's name, or a BraTS root")
    parser.add_argument("--modality", default="t2f", help="the contrast to train on")
    parser.add_argument("--subjects", type=_positive, metavar="N", help="at most (default 40)")
    parser.add_argument(
        "--slices", type=_positive, metavar="N", help="with lesion, per subject (default 40)"
    )
    parser.add_argument("--epochs", type=_positive, metavar="N", help="at most")
    parser.add_argument("--loss-side", type=_positive, metavar="N", help="pixels (default 96)")
    parser.add_argument("--start", type=Path, metavar="CHECKPOINT", help="for --setup finetune")
    parser.add_argument(
        "--official", type=Path, metavar="FILE.pth", help="also the official format"
    )
    parser.add_argument("--seed", type=int, help="default 0; a backbone has its own")
    parser.add_argument("--device", default=backbones.default_device())
    parser.add_argument("--out", type=Path, help="checkpoint file; folder for a backbone")
    parser.set_defaults(usage_error=parser.error)


def run(parsed: argparse.Namespace) -> None:
    """Train what was asked for and say what was reached; raises ZsadError.

    Options that do not go together leave as a usage error, exit code 2.
    """
    problem = _combination(parsed)
    if problem:
        parsed.usage_error(problem)
    if parsed.backbone:
        print(train_backbone(parsed.backbone, parsed.seed, parsed.out or backbones.WEIGHTS))
        if parsed.out is None:  # in its place, so that it can be measured by its name
            reached = card.validate(Engine(), parsed.backbone)
            print(
                f"WinCLIP, best shipped prompts: voxel AUROC {reached:.3f} on validation subjects"
            )
            print(f"model card: {card_text.write()}; the card command fills its table of results")
        return
    parsed.seed = parsed.seed or 0
    out = parsed.out or setups.CHECKPOINTS / f"{parsed.method}-{parsed.setup}.safetensors"
    _check_out(out, ".safetensors", parsed.out is None)
    if parsed.official:
        _check_out(parsed.official, ".pth", False)
    began = time.monotonic()
    encoder, start = _encoder(parsed), _start(parsed)
    learner = LEARNERS[parsed.method](encoder)
    material = gather(_source(parsed), encoder, learner, _count)
    plan = replace(learner.plan, seed=parsed.seed, device=parsed.device)
    plan = replace(plan, epochs=parsed.epochs or plan.epochs)
    found = fit.fit(learner, (material.train, material.held_out), plan, start, _tell)
    facts = _facts(parsed, material, found, encoder)
    save(found.tensors, {**facts, "seconds": f"{time.monotonic() - began:.0f}"}, out)
    if parsed.official:
        torch.save(learner.official(found.tensors), parsed.official)
    losses = f"loss {found.loss:.3f}, on validation {found.validation_loss:.3f}"
    dice = f"Dice {found.validation_dice:.3f} at its best threshold"
    print(f"\nepoch {found.epoch} kept: {losses}, {dice}; {out}")


def run_card(_: argparse.Namespace) -> None:
    """Evaluate the demo on its validation and test subjects and write the model card."""
    card.measure(Engine(), _count)
    print(f"\nmodel card: {card_text.write()}")


def _combination(parsed: argparse.Namespace) -> str:
    """Which options do not go together, or ""."""
    if parsed.backbone:
        given = [name for name in OF_METHOD if getattr(parsed, name) is not None]
        return f"--{given[0].replace('_', '-')} goes with --method only" if given else ""
    if parsed.setup is None:
        return f"--method {parsed.method} needs --setup, one of {', '.join(SETUPS)}"
    if parsed.start is not None and parsed.setup != "finetune":
        return f"--start goes with --setup finetune; {parsed.setup} starts from scratch"
    if parsed.setup == "industrial" and (parsed.data or parsed.subjects or parsed.slices):
        return "--setup industrial learns from drawn surfaces and takes no scans"
    return ""


def _source(parsed: argparse.Namespace) -> Source:
    data = "" if parsed.setup == "industrial" else parsed.data or "demo"
    counts = (parsed.subjects or Source.subjects, parsed.slices or Source.slices)
    return Source(data, parsed.modality, *counts, parsed.seed)


def _encoder(parsed: argparse.Namespace) -> examples.Encoder:
    entry = setups.SETUPS[parsed.method, parsed.setup]
    return examples.open_encoder(entry, parsed.device, parsed.loss_side or 96)


def _start(parsed: argparse.Namespace) -> Tensors | None:
    if parsed.setup != "finetune":
        return None
    industrial = setups.CHECKPOINTS / f"{parsed.method}-industrial.safetensors"
    found = setups.read_checkpoint(parsed.method, parsed.start or industrial)
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


def _facts(
    parsed: argparse.Namespace, material: Material, found: Fitted, encoder: examples.Encoder
) -> dict[str, str]:
    """What a checkpoint says of itself; every value a text."""
    given = {name: getattr(parsed, name) for name in ("method", "modality", "seed", *OF_METHOD)}
    asked = [f"--{n.replace('_', '-')} {_bare(v)}" for n, v in given.items() if v is not None]
    kept = {name: value for name, value in asdict(found).items() if isinstance(value, int | float)}
    return {
        "command": " ".join(["python -m zsad_core train", *asked]),
        "data": material.data,
        "train_subjects": " ".join(material.train_ids),
        "validation_subjects": " ".join(material.held_out_ids),
        "images": f"{len(material.train.masks)} to train, {len(material.held_out.masks)} held out",
        "backbone": encoder.tower.info.name,
        "backbone_digest": encoder.tower.info.digest,
        "loss_side": str(encoder.side),
        "device": parsed.device,
        **{name: f"{value:.6g}" for name, value in kept.items()},
    }


def _bare(value: object) -> object:
    """Without folders: a checkpoint is passed on, and where its maker kept files is nobody's."""
    return Path(value).name if isinstance(value, str | Path) else value


def _check_out(path: Path, suffix: str, make: bool) -> None:
    if path.suffix != suffix:
        raise SettingError(f"'{path}' must end in {suffix}; choose another name.")
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.is_dir():
        raise SettingError(f"There is no folder '{path.parent}'; make it first.")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)


def _count(done: int, total: int) -> None:
    print(f"\r{done} of {total}    ", end="", file=sys.stderr, flush=True)


def _tell(done: int, total: int, loss: float, left: float) -> None:
    line = f"\rstep {done} of {total}, loss {loss:.3f}, {left:.0f} s left    "
    print(line, end="", file=sys.stderr, flush=True)
