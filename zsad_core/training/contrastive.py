"""Trains the demo CLIP: pairwise sigmoid loss over images, windows and patches.

Whether a sentence is true of a region is computed from what was drawn, so one batch holds many
true pairs, and rare ones weigh as much as common ones. Plain in-batch contrast does not leave its
start at this size. The sigmoid loss is that of SigLIP (Zhai et al. 2023, arXiv 2303.15343), with
one scale and bias for each level.
"""

import json
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn
from torch.nn import functional

from zsad_core.backbones.tensor_files import ordered
from zsad_core.base.atomic import write_whole
from zsad_core.training import captions, regions
from zsad_core.training.captions import Facts, Sentence
from zsad_core.training.regions import Pictures

MEAN, STD = 0.449, 0.269  # of CLIP's three channels, which are equal in a grey image, on average
TOKENS = "token_embedding.weight"
PATCHES = 1000
LEVELS = ("image", "window", "patch")
LevelReport = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class ContrastivePlan:
    """How long and how much: steps on pieces of half the side, then on whole images."""

    steps: int = 1600
    whole_steps: int = 60
    batch: int = 28
    windows: int = 600
    brains: float = 0.15
    sentences: int = 84
    rate: float = 1.2e-3
    seed: int = 1
    freeze_tokens: bool = False


class Clip(nn.Module):
    """An open_clip model read at three levels, on a piece of its patch grid."""

    def __init__(self, model: open_clip.CLIP) -> None:
        super().__init__()
        self.model = model
        self.scale = nn.Parameter(torch.full((3,), math.log(10.0)))
        self.bias = nn.Parameter(torch.full((3,), -3.0))
        self.tokenize = open_clip.SimpleTokenizer(context_length=32)

    def tokens(self, images: Tensor, top: int, left: int) -> Tensor:
        """(B, 1+N, D) before `ln_pre`, positions of the patch grid from (top, left) on."""
        visual = self.model.visual
        patches = visual.conv1(images)  # (B, D, R, C)
        rows, columns = patches.shape[2:]
        grid = visual.grid_size[0]
        positions = visual.positional_embedding[1:].view(grid, grid, -1)
        positions = positions[top : top + rows, left : left + columns].reshape(rows * columns, -1)
        first = visual.class_embedding + visual.positional_embedding[0]
        first = first.expand(len(images), 1, -1)
        return torch.cat([first, patches.flatten(2).transpose(1, 2) + positions], dim=1)

    def encode(self, tokens: Tensor) -> Tensor:
        """(B, T, D) before `ln_pre` to (B, T, E) of unit length."""
        visual = self.model.visual
        out = visual.ln_post(visual.transformer(visual.ln_pre(tokens))) @ visual.proj
        return functional.normalize(out.float(), dim=-1)

    def sentences(self, texts: list[str]) -> Tensor:
        """(N, E) of unit length; the context is as long as the longest needs."""
        model, tokens = self.model, self.tokenize(texts)
        length = int((tokens != 0).sum(1).max())
        tokens = tokens[:, :length].to(model.positional_embedding.device)
        x = model.token_embedding(tokens) + model.positional_embedding[:length]
        x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
        x = model.ln_final(x)[torch.arange(len(texts)), tokens.argmax(dim=1)]
        return functional.normalize((x @ model.text_projection).float(), dim=-1)

    def loss(
        self, level: str, seen: Tensor, read: Tensor, sentences: Facts, facts: Facts
    ) -> Tensor:
        """Balanced sigmoid loss of regions (M, E), facts (M, F) and sentences (T, E), (T, F)."""
        true, known = captions.truth(sentences, facts)
        weight = torch.from_numpy(_balanced(true, known)).to(seen.device)
        index = LEVELS.index(level)
        logits = read @ seen.T * self.scale[index].exp() + self.bias[index]  # (T, M)
        sign = torch.from_numpy(np.where(true, 1.0, -1.0).astype(np.float32)).to(seen.device)
        return -(functional.logsigmoid(sign * logits) * weight).sum() / weight.sum()


def _balanced(true: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Weights (T, M): the true and the false regions of each sentence weigh the same."""
    right, wrong = true & known, ~true & known
    weight = right / np.maximum(right.sum(1, keepdims=True), 1)
    weight = weight + wrong / np.maximum(wrong.sum(1, keepdims=True), 1)
    weight[~right.any(axis=1)] *= 0.3
    return weight.astype(np.float32)


def build(config: Path, start: Path | None = None) -> open_clip.CLIP:
    """The model of an open_clip config, with random weights or those of a training run."""
    parts = json.loads(config.read_text())
    model = open_clip.CLIP(parts["embed_dim"], parts["vision_cfg"], parts["text_cfg"])
    if start is not None:
        state = load_file(start.with_name("demo-tokens.safetensors")) | load_file(start)
        model.load_state_dict({key: value.float() for key, value in state.items()}, strict=False)
    return model


def train(
    model: open_clip.CLIP,
    sources: tuple[Pictures, Pictures],
    plan: ContrastivePlan,
    report: LevelReport,
    draw: Callable[[np.random.Generator, int], list[Sentence]] = captions.draw,
) -> dict[str, float]:
    """Train the model in place on drawn surfaces and brain slices, images as large as its input.

    Returns the mean loss of each level over the last 50 steps.
    """
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    clip = Clip(model).to(device).train()
    if plan.freeze_tokens:
        model.token_embedding.weight.requires_grad_(False)
    optimiser = _optimiser(clip, plan.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, plan.steps, pct_start=0.1)
    seen: deque[dict[str, float]] = deque(maxlen=50)
    for step in range(plan.steps):
        whole = step >= plan.steps - plan.whole_steps
        with torch.autocast(device.type, torch.bfloat16):
            losses = _losses(clip, sources, plan, rng, whole, draw)
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(clip.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        seen.append({name: float(value.detach()) for name, value in losses.items()})
        report(step, plan.steps, seen[-1])
    with torch.no_grad():
        model.logit_scale.copy_(clip.scale[0])
    model.eval().cpu()
    return {name: sum(losses[name] for losses in seen) / len(seen) for name in LEVELS}


def _optimiser(clip: Clip, rate: float) -> torch.optim.Optimizer:
    """Matrices decay; vectors and the token table do not."""
    decays: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in clip.named_parameters():
        if parameter.requires_grad:
            decays[parameter.ndim >= 2 and not name.endswith(TOKENS)].append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decays[True], "weight_decay": 0.05},
        {"params": decays[False], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def _losses(
    clip: Clip,
    sources: tuple[Pictures, Pictures],
    plan: ContrastivePlan,
    rng: np.random.Generator,
    whole: bool,
    draw: Callable[[np.random.Generator, int], list[Sentence]],
) -> dict[str, Tensor]:
    pictures, top, left, patch = _batch(clip, sources, plan, rng, whole)
    pictures = regions.brightened(pictures, rng.uniform(0.85, 1.1, len(pictures.images)))
    sentences = draw(rng, plan.sentences)
    read = clip.sentences([s.text for s in sentences])
    stated = np.array([s.facts for s in sentences])
    device = read.device
    values = (pictures.images / np.float32(255) - MEAN) / STD
    images = torch.from_numpy(values.astype(np.float32)).to(device)
    tokens = clip.tokens(images[:, None].expand(-1, 3, -1, -1), top // patch, left // patch)
    out = clip.encode(tokens)
    facts = regions.of_parts(pictures, patch)
    chosen = _patches(rng, facts)
    seen = out[:, 1:].reshape(-1, out.shape[-1])[torch.from_numpy(chosen).to(device)]
    flat = facts.reshape(-1, facts.shape[-1])
    windows, about = _windows(clip, tokens, pictures, rng, patch, plan.windows)
    return {
        "image": clip.loss("image", out[:, 0], read, stated, pictures.facts) * 0.5,
        "window": clip.loss("window", windows, read, stated, about),
        "patch": clip.loss("patch", seen, read, stated, flat[chosen]),
    }


def _batch(
    clip: Clip,
    sources: tuple[Pictures, Pictures],
    plan: ContrastivePlan,
    rng: np.random.Generator,
    whole: bool,
) -> tuple[Pictures, int, int, int]:
    """Pieces of both sources at one place of the patch grid, or whole images in a smaller batch."""
    patch, full = clip.model.visual.patch_size[0], sources[0].images.shape[1]
    side = full if whole else full // 2
    count = plan.batch // 4 if whole else plan.batch
    top, left = (int(rng.integers((full - side) // patch + 1)) * patch for _ in range(2))
    brains = max(int(count * plan.brains), 1)
    parts = [
        regions.cut(source, rng.integers(len(source.images), size=n), top, left, side)
        for source, n in zip(sources, (count - brains, brains), strict=True)
    ]
    return regions.joined(parts), top, left, patch


def _patches(rng: np.random.Generator, facts: Facts) -> NDArray[np.int64]:
    """Indices of at most 1,000 patches, half of them damaged or lesion where there are enough."""
    wrong = (regions.holds(facts, "damaged") | regions.holds(facts, "lesion")).ravel()
    bad, good = np.flatnonzero(wrong), np.flatnonzero(~wrong)
    chosen = rng.permutation(bad)[: PATCHES // 2]
    return np.concatenate([chosen, rng.permutation(good)[: PATCHES - len(chosen)]])


def _windows(
    clip: Clip, tokens: Tensor, pictures: Pictures, rng: np.random.Generator, patch: int, count: int
) -> tuple[Tensor, Facts]:
    """The class token over windows of 2 x 2 or 3 x 3 patches alone, as WinCLIP reads it."""
    grid, size = pictures.images.shape[1] // patch, int(rng.integers(2, 4))
    image = rng.integers(len(pictures.images), size=count)
    top, left = rng.integers(grid - size + 1, size=(2, count))
    facts = regions.of_parts(pictures, patch)
    wrong = regions.holds(facts, "damaged") | regions.holds(facts, "lesion")
    hits = np.argwhere(wrong)  # half of the windows start there
    if len(hits):
        starts = hits[rng.integers(len(hits), size=count // 2)]
        image[: count // 2], top[: count // 2], left[: count // 2] = starts.T
        top, left = np.minimum(top, grid - size), np.minimum(left, grid - size)
    steps = np.arange(size)
    rows, columns = top[:, None, None] + steps[:, None], left[:, None, None] + steps
    index = 1 + (rows * grid + columns).reshape(count, -1)
    index = np.concatenate([np.zeros((count, 1), np.int64), index], axis=1)
    chosen = tokens[torch.from_numpy(image)[:, None], torch.from_numpy(index)]
    facts = regions.of_windows(pictures, image, (top * patch, left * patch), size * patch)
    return clip.encode(chosen)[:, 0], facts


def save(model: open_clip.CLIP, name: str, folder: Path, facts: dict[str, str]) -> None:
    """Write float16 safetensors with facts as metadata; the shared token table is its own file."""
    state = {key: value.detach().half().contiguous() for key, value in model.state_dict().items()}
    state.pop("attn_mask", None)
    tokens = {TOKENS: state.pop(TOKENS)}
    if name == "demo":
        write_whole(folder / "demo-tokens.safetensors", safetensors_bytes(tokens))
    write_whole(folder / f"{name}.safetensors", ordered(safetensors_bytes(state, facts)))


def printer(every: int = 50) -> LevelReport:
    """Prints the mean losses now and then, with the time left."""
    start, seen = time.monotonic(), list[dict[str, float]]()

    def show(step: int, steps: int, losses: dict[str, float]) -> None:
        seen.append(losses)
        if (step + 1) % every:
            return
        left = (time.monotonic() - start) / (step + 1) * (steps - step - 1)
        means = {k: sum(step_losses[k] for step_losses in seen) / len(seen) for k in losses}
        seen.clear()
        values = "  ".join(f"{k} {v:.4f}" for k, v in means.items())
        print(f"step {step + 1} of {steps}  {values}  {left / 60:.1f} min left", flush=True)

    return show
