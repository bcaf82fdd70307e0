"""`python -m zsad_core train`: the learned part of APRIL-GAN, or a demo backbone."""

import argparse
import os
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from zsad_core import backbones, datasets, setups
from zsad_core.engine import Engine
from zsad_core.errors import SettingError
from zsad_core.training import card, card_text, examples, fit
from zsad_core.training.backbone import train_backbone
from zsad_core.training.fit import Examples, Fitted, Tensors
from zsad_core.types import DataSpec

METHOD = "aprilgan"
SETUPS = ("industrial", "finetune", "brats", "pmc")
TEXTURES = 480
# Chosen on the demo's validation subjects. The official script has 1e-3; with few small lesions
# that rate soon calls every pixel healthy, from where nothing leads on.
EPOCHS, RATE, BATCH = 14, 3e-4, 8
SLICES, CLEAR = 40, 1 / 3  # with lesion per subject; times as many without
OF_METHOD = ("setup", "data", "epochs", "start", "official", "slices", "subjects", "loss_side")


@dataclass(frozen=True)
class Material:
    """Training and validation examples, and the names of what they were taken from."""

    train: Examples
    held_out: Examples
    data: str
    train_ids: tuple[str, ...] = ()
    held_out_ids: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the train command."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--method", choices=[METHOD], help="train the learned part of a method")
    what.add_argument("--backbone", choices=["demo", "demo-pmc"], help="train a demo CLIP")
    parser.add_argument("--setup", choices=SETUPS, help="what the method learns from")
    parser.add_argument("--data", metavar="demo|ROOT", help="a data set's name, or a BraTS root")
    parser.add_argument("--modality", default="t2f", help="the contrast to train on")
    parser.add_argument("--subjects", type=_positive, metavar="N", help="at most (default 40)")
    parser.add_argument(
        "--slices", type=_positive, metavar="N", help="with lesion, per subject (default 40)"
    )
    parser.add_argument("--epochs", type=_positive, metavar="N", help="at most (default 14)")
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
    out = parsed.out or setups.CHECKPOINTS / f"{METHOD}-{parsed.setup}.safetensors"
    _check_out(out, ".safetensors", parsed.out is None)
    if parsed.official:
        _check_out(parsed.official, ".pth", False)
    began = time.monotonic()
    encoder, start = _encoder(parsed), _start(parsed)
    material = _material(parsed, encoder)
    plan = fit.Plan(parsed.epochs or EPOCHS, BATCH, RATE, parsed.seed, device=parsed.device)
    found = fit.fit(material.train, plan, start, material.held_out, _tell)
    facts = _facts(parsed, material, found, encoder)
    save(found.tensors, {**facts, "seconds": f"{time.monotonic() - began:.0f}"}, out)
    if parsed.official:
        state = {name: torch.from_numpy(value) for name, value in found.tensors.items()}
        torch.save({"trainable_linearlayer": state}, parsed.official)
    losses = f"loss {found.loss:.3f}, on validation {found.validation_loss:.3f}"
    dice = f"Dice {found.validation_dice:.3f} at its best threshold"
    print(f"\nepoch {found.epoch} kept: {losses}, {dice}; {out}")


def run_card(_: argparse.Namespace) -> None:
    """Evaluate the demo on its validation and test subjects and write the model card."""
    card.measure(Engine(), _count)
    print(f"\nmodel card: {card_text.write()}")


def save(tensors: Tensors, facts: dict[str, str], path: Path) -> None:
    """Write tensors as float16 safetensors with facts as metadata; the file appears whole."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    save_file({name: value.astype(np.float16) for name, value in tensors.items()}, temporary, facts)
    os.replace(temporary, path)


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


def _material(parsed: argparse.Namespace, encoder: examples.Encoder) -> Material:
    if parsed.setup == "industrial":
        train = examples.of_textures(encoder, TEXTURES, parsed.seed, _count)
        held_out = examples.of_textures(encoder, TEXTURES // 4, parsed.seed + 1, _count)
        return Material(train, held_out, f"drawn surfaces, {len(train.masks)} images")
    dataset = datasets.open_dataset(_data(parsed.data or "demo"))
    train_on, hold_out = examples.split(dataset.subjects(), parsed.modality, parsed.subjects or 40)
    choice = examples.Choice("train", parsed.modality, parsed.slices or SLICES, CLEAR, parsed.seed)
    other = replace(choice, split="validation")
    return Material(
        examples.of_subjects(encoder, dataset, train_on, choice, _count),
        examples.of_subjects(encoder, dataset, hold_out, other, _count),
        f"{dataset.title}, {parsed.modality}",
        tuple(s.id for s in train_on),
        tuple(s.id for s in hold_out),
    )


def _data(name: str) -> DataSpec:
    if name in ("demo", "demo-2mm"):
        return DataSpec(name)
    if not Path(name).is_dir():
        raise SettingError(f"--data: there is no folder '{name}'; give demo or a BraTS root.")
    return DataSpec("brats", name)


def _encoder(parsed: argparse.Namespace) -> examples.Encoder:
    entry = setups.SETUPS[METHOD, parsed.setup]
    return examples.open_encoder(entry, parsed.device, parsed.loss_side or 96)


def _start(parsed: argparse.Namespace) -> Tensors | None:
    if parsed.setup != "finetune":
        return None
    found = setups.read_checkpoint(
        parsed.start or setups.CHECKPOINTS / "aprilgan-industrial.safetensors"
    )
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
