"""One training from its request to its checkpoint, for the command line and the Setup page."""

import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from zsad_core import backbones, methods, setups
from zsad_core.backbones.fetching import HUB
from zsad_core.base.atomic import whole
from zsad_core.base.digests import file_digest
from zsad_core.base.jobs import Turn
from zsad_core.errors import SettingError
from zsad_core.imaging.image_sets import LAYOUTS
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import save
from zsad_core.setups import Setup, records
from zsad_core.setups.records import UNKNOWN
from zsad_core.training import examples, fit, states
from zsad_core.training.material import Material, Source, gather, kind_of
from zsad_core.training.states import Fitted
from zsad_core.types import BackboneSpec, Precision, Progress

SETUPS = ("industrial", "finetune", "brats", "pmc")
LOSS_SIDE = 96


@dataclass(frozen=True)
class TrainRequest:
    """What to train, on what, to which file; empty strings and 0 mean the setup's or method's own.

    `start` is the checkpoint that `finetune` goes on from, `official` a second file in the
    published format. `option` are NAME=VALUE fields of the method; the setup's own options hold
    with the setup's backbone only.
    """

    method: str
    setup: str
    out: Path
    source: Source = Source()
    backbone: BackboneSpec = BackboneSpec("")
    image_size: int = 0
    option: tuple[str, ...] = ()
    epochs: int = 0
    loss_side: int = LOSS_SIDE
    start: str = ""
    official: str = ""
    seed: int = 0
    device: str = "cpu"
    precision: Precision = "float32"


def run(
    request: TrainRequest, count: Progress, report: fit.Report, turn: Turn = nullcontext
) -> Fitted:
    """Train, and write the checkpoint; `count` counts images read, `report` steps.

    Each batch and each step takes a `turn` on the device, so that others come in between. After
    each epoch the state of the training is stored beside the checkpoint; the same request goes on
    from there and ends in the same tensors. It is kept until `finish`. Raises ZsadError.
    """
    check_out(request.out, ".safetensors")
    if request.official:
        check_out(Path(request.official), ".pth")
    source = _source(request)
    entry, side = entry_of(request), request.loss_side
    encoder = examples.open_encoder(entry, request.device, side, request.precision, turn)
    learner, path = encoder.method.learner(encoder), _start_file(request)
    start = setups.read_checkpoint(request.method, path) if path else None
    material = gather(source, encoder, learner, count)
    plan = replace(
        learner.plan,
        seed=request.seed,
        epochs=request.epochs or learner.plan.epochs,
        state_file=unfinished(request),
    )
    fitted = fit.fit(learner, (material.train, material.held_out), plan, start, report)
    facts = _facts(request, material, fitted, encoder)
    save(fitted.tensors, facts, request.out)
    if request.official:
        with whole(Path(request.official)) as temporary, temporary.open("wb") as stream:
            torch.save(learner.official(fitted.tensors), stream)
    return fitted


def finish(request: TrainRequest) -> None:
    """Forget the state of a training, once nothing that follows it can fail."""
    unfinished(request).unlink(missing_ok=True)


def entry_of(request: TrainRequest) -> Setup:
    """The setup that is trained, with the backbone and options asked for; raises SettingError."""
    entry = setups.shipped().get((request.method, request.setup))
    if request.backbone.name:
        entry = Setup(request.method, request.setup, request.backbone, "", "")
    if entry is None:
        raise SettingError(
            f"'{request.method}' has no setup '{request.setup}' of its own; give --backbone."
        )
    given = dict(entry.options) | dict(option.partition("=")[::2] for option in request.option)
    if request.image_size:
        given["image_size"] = str(request.image_size)
    methods.build(request.method, given.items())
    return replace(entry, options=tuple(given.items()))


def unfinished(request: TrainRequest) -> Path:
    """Where the same request keeps its state until it is done: beside its checkpoint."""
    about, start = backbones.info(entry_of(request).backbone), _start_file(request)
    began = file_digest(start) if start and start.is_file() else ""
    same = replace(request, out=Path(), official="")
    key = hashlib.sha256(f"{same} {about.digest} {began}".encode()).hexdigest()
    return request.out.with_suffix(f".{key[:12]}.unfinished")


def epochs_done(request: TrainRequest) -> int:
    """After how many epochs the request goes on; 0 where it begins. Raises WeightsError."""
    return states.epochs_done(unfinished(request))


def command(request: TrainRequest) -> str:
    """The command that trains this, without folders, which are private to the one who trained.

    >>> command(TrainRequest("aprilgan", "brats", Path("x.safetensors"), epochs=2))
    'zsad train --method aprilgan --setup brats --epochs 2 --seed 0'
    """
    given, usual = _arguments(request), _arguments(TrainRequest("", "", Path()))
    line = ["zsad train"]
    for name, value in given.items():
        if name == "seed" or value != usual[name]:
            many = value if isinstance(value, tuple) else (value,)
            line += [f"--{name.replace('_', '-')} {_bare(value)}" for value in many]
    return " ".join(line)


def check_out(path: Path, suffix: str) -> None:
    """Raise SettingError for a file that cannot be written there."""
    if path.suffix != suffix:
        raise SettingError(f"'{path}' must end in {suffix}; choose another name.")
    if not path.parent.is_dir():
        raise SettingError(f"There is no folder '{path.parent}'; make it first.")


def _arguments(request: TrainRequest) -> dict[str, Any]:
    """By the names of the command's arguments."""
    own = asdict(request)
    source, spec = own.pop("source"), own.pop("backbone")
    del own["out"]
    del source["seed"]  # the request's own is the one that counts
    del source["contrast"]  # of plain files their modality, which stands there
    first = {"method": own.pop("method"), "setup": own.pop("setup")}
    return {**first, "backbone": spec["name"], "weights": spec["weights"], **source, **own}


def _source(request: TrainRequest) -> Source:
    """The request's, or the demo; raises SettingError for scans where brains must not be seen."""
    source = replace(request.source, seed=request.seed)
    if request.setup != "industrial":
        return replace(source, data=source.data or "demo")
    if source.data and kind_of(source) == "scans":
        raise SettingError(
            f"--setup industrial sees no brain and takes no scans, and '{source.data}' is no image "
            f"set; give {', '.join(layout.title for layout in LAYOUTS.values())}, or leave --data "
            "out for drawn surfaces."
        )
    return source


def _start_file(request: TrainRequest) -> Path | None:
    if request.setup != "finetune":
        return None
    shipped = setups.CHECKPOINTS / f"{request.method}-industrial.safetensors"
    return Path(request.start).expanduser() if request.start else shipped


def _facts(
    request: TrainRequest, material: Material, fitted: Fitted, encoder: Encoder
) -> dict[str, str]:
    """What a checkpoint says of itself; every value a text."""
    return {
        "command": command(request),
        "data": material.data,
        "held_out_rule": material.rule,
        **_seen(request, "train", material.train_ids, material.train_voxels),
        **_seen(request, "validation", material.held_out_ids, material.held_out_voxels),
        "modality": request.source.modality,
        "images": f"{len(material.train.masks)} to train, {len(material.held_out.masks)} held out",
        "backbone": _bare(encoder.tower.info.name),
        "backbone_digest": encoder.tower.info.digest,
        "loss_side": str(encoder.side),
        "device": request.device,
        "precision": request.precision,
        **{name: f"{getattr(fitted, name):.6g}" for name in states.NUMBERS},
    }


def _seen(
    request: TrainRequest, part: str, names: Sequence[str], voxels: Sequence[str]
) -> dict[str, str]:
    """Ids and voxel digests of a part, followed by those of the checkpoint that it began with."""
    path = _start_file(request)
    start = setups.record_of(path) if path else {}
    digests = dict(zip_longest(names, voxels, fillvalue=UNKNOWN))
    alike = start.get("modality") == request.source.modality  # else digests are of other scans
    before = records.seen(start, part)
    digests |= {
        name: digest if alike else UNKNOWN for name, digest in before.items() if name not in digests
    }
    known = {*digests.values()} - {UNKNOWN}
    return records.noted(part, digests, digests.values() if known else ())


def _bare(value: object) -> str:
    """Without folders; a hub id keeps its owner."""
    return str(value) if str(value).startswith(HUB) else Path(str(value)).name
