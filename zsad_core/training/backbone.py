"""`train --backbone`: the demo CLIP from drawn surfaces, and `demo-pmc` from medical captions."""

import time
from dataclasses import replace
from pathlib import Path

import torch

from zsad_core.backbones import WEIGHTS
from zsad_core.errors import SettingError, WeightsError
from zsad_core.training import brains, captions, contrastive, regions, textures
from zsad_core.training.contrastive import ContrastivePlan

SIDE = 224
TRAINING_SUBJECTS = tuple(f"DEMO-MET-{number:03d}-000" for number in range(1, 9))
DATA = {
    "demo": "drawn surfaces; lesion-free synthetic brains of seeds outside the cohort",
    "demo-pmc": "goes on from demo: drawn surfaces; synthetic training subjects with lesions",
}
PLANS = {
    "demo": ContrastivePlan(),
    "demo-pmc": ContrastivePlan(
        steps=350, whole_steps=50, rate=3e-4, brains=0.5, seed=2, freeze_tokens=True
    ),
}


def train_backbone(name: str, seed: int | None, out: Path) -> str:
    """Train a demo backbone and write its weights into a folder; returns a sentence on it.

    `demo` sees drawn surfaces and lesion-free brains; `demo-pmc` starts from it and sees training
    subjects with captions in medical words. Raises SettingError, WeightsError.
    """
    if name not in PLANS:
        raise SettingError(f"There is no demo backbone '{name}'; choose {' or '.join(PLANS)}.")
    plan = PLANS[name] if seed is None else replace(PLANS[name], seed=seed)
    start, begun = None, time.monotonic()
    drawn = regions.of_textures(textures.bank(3000 if name == "demo" else 1000, SIDE, plan.seed))
    if name == "demo":
        scans, draw = brains.lesion_free(10, 30, SIDE), captions.draw
    else:
        start = WEIGHTS / "demo.safetensors"
        if not start.is_file():
            raise WeightsError(
                f"'{name}' starts from {start.name}, which is not in {WEIGHTS}; train 'demo' first."
            )
        scans, draw = brains.with_lesions(TRAINING_SUBJECTS, 12, SIDE), captions.draw_medical
    model = contrastive.build(WEIGHTS / "demo.json", start)
    losses = contrastive.train(model, (drawn, scans), plan, contrastive.printer(), draw)
    facts = {
        "command": f"zsad train --backbone {name} --seed {plan.seed}",
        "data": DATA[name],
        "images": f"{len(drawn.images)} drawn surfaces, {len(scans.images)} brain slices",
        "steps": f"{plan.steps} of {plan.batch} images, the last {plan.whole_steps} at full size",
        "device": _device(),
        "minutes": f"{(time.monotonic() - begun) / 60:.0f}",
        "loss": ", ".join(f"{level} {value:.3f}" for level, value in losses.items()),
    }
    contrastive.save(model, name, out, facts)
    return f"{name}: {facts['steps']} in {facts['minutes']} min, loss {facts['loss']}; in {out}"


def _device() -> str:
    """The device in words, for the model card."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"
