"""The features of an open_clip ViT: taps, V-V taps, windows, class feature, sentences."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from zsad_core.backbones.clip_internals import (
    BlockHook,
    block_output,
    block_output_at,
    reads_end_of_text,
    set_activation,
    text_side,
    two_streams,
    value_attention,
    walk_text,
    written_out,
)
from zsad_core.backbones.fetching import fetch, hub_files
from zsad_core.backbones.pixels import pixels, resized_positions
from zsad_core.backbones.sources import TowerInfo, info, source
from zsad_core.errors import WeightsError
from zsad_core.types import BackboneSpec, ByteArray, FloatArray, MaskArray, Precision, Recipe

if TYPE_CHECKING:
    import open_clip

LONGEST = 2048  # tokens that are counted
CHUNK = 2048  # windows in one pass


@contextlib.contextmanager
def official_sums() -> Iterator[None]:
    """Sum as official codes do: attention written out, on every processor in one order.

    What is rounded after a sum then falls alike wherever MKL has AVX2. MKL keeps the order of its
    first use in the process; float32 takes twice as long where there is AVX-512. What the user has
    set in MKL_CBWR stands, and processes started later inherit nothing.
    """
    order = os.environ.get("MKL_CBWR")
    os.environ.setdefault("MKL_CBWR", "AVX2,STRICT")
    token = written_out.set(True)
    try:
        yield
    finally:
        written_out.reset(token)
        if order is None:
            del os.environ["MKL_CBWR"]


@contextlib.contextmanager
def exact_convolutions() -> Iterator[None]:
    """Convolutions on a GPU in float32, which PyTorch rounds to TF32's 10 bits by default."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def load(spec: BackboneSpec, device: str, precision: Precision) -> Tower:
    """The backbone, fetched if missing, image side in the precision; raises WeightsError.

    The text side stays in float32: it is small, and its rounding would change every map.
    """
    import open_clip

    from zsad_core.backbones.loading import built, fetched

    if hub_files(spec):
        fetch(spec)
    files, tower_info = source(spec), info(spec)
    model, tokenize = fetched(spec) if not files.files else built(files)
    if not isinstance(model.visual, open_clip.transformer.VisionTransformer):
        raise WeightsError(
            f"The image tower of '{spec.name}' is a {type(model.visual).__name__}; the methods "
            "read the tokens of open_clip's VisionTransformer, so choose another model."
        )
    return Tower(tower_info, model, tokenize, device, precision)


class Tower:
    """One backbone on one device; used by one thread at a time.

    What it makes of images stays on the device, in the tower's precision.
    """

    def __init__(
        self,
        info: TowerInfo,
        model: open_clip.CLIP,
        tokenize: open_clip.SimpleTokenizer,
        device: str,
        precision: Precision,
    ) -> None:
        self.info, self.device, self.precision = info, device, precision
        self._dtype = getattr(torch, precision)
        self._model, self._tokenize = model.eval().requires_grad_(False).to(device), tokenize
        self._visual = model.visual.to(self._dtype)
        self._positions: dict[tuple[int, str], Tensor] = {}

    def on_device(self, arrays: Mapping[str, FloatArray]) -> dict[str, Tensor]:
        """Arrays by name, as learned tensors are kept, where the tower is."""
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}

    @torch.inference_mode()
    def sentences(self, texts: Sequence[str], activation: str) -> FloatArray:
        """(N, E) float32 text features after `text_projection`, not normalised.

        In float64 where a tower reads a text up to its end alone: their last digits in float32
        would depend on the texts read at once, and on the number of threads.
        """
        text = getattr(self._model, "text", self._model)
        if hasattr(text, "transformer"):
            set_activation(text.transformer, activation)
        if reads_end_of_text(text):  # most of the context's 77 tokens are never read
            tokens, words = self.words(texts)
            return _numpy(walk_text(text, tokens, words.double(), lambda _, x: x))
        tokens = self._tokenize(list(texts)).to(self.device)
        return _numpy(self._model.encode_text(tokens))

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, with start and end, whether or not the tower reads all."""
        tokens = self._tokenize(["", *texts], context_length=LONGEST)
        padding = tokens[0, -1]
        return [int((row != padding).nonzero()[-1]) + 1 for row in tokens[1:]]

    def words(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids (N, T) of texts, and their embeddings (N, T, text width), without positions."""
        tokens = self._tokenize(list(texts)).to(self.device)
        return tokens, text_side(self._model).token_embedding(tokens)

    def read_words(
        self,
        tokens: Tensor,
        words: Tensor,
        activation: str,
        before: BlockHook,
        project: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """`walk_text` of embeddings, which need not be the tokens' own; not normalised."""
        text = text_side(self._model)
        set_activation(text.transformer, activation)
        return walk_text(text, tokens, words, before, project)

    @torch.inference_mode()
    def taps(
        self, images: ByteArray, recipe: Recipe, patch_mask: MaskArray | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """Residual stream of the patches after each tap, L x (B, P, width), and the class feature.

        Images are (B, H, W) or (B, H, W, 3) uint8; P is the full grid, row by row. The class
        feature (B, E) is after `ln_post` and projection, not normalised. With a `patch_mask`
        (B, R, C) the last block computes only its patches.
        """
        mask = None if patch_mask is None else self._token_mask(patch_mask)
        stream, features = self._passed(self._embedded(images, recipe), mask, recipe.taps)
        return features, self.projected(stream[:, 0])

    @torch.inference_mode()
    def early_taps(self, images: ByteArray, recipe: Recipe, patch_mask: MaskArray) -> list[Tensor]:
        """`taps` without the class feature, and so without the blocks after the last tap."""
        tokens, mask = self._embedded(images, recipe), self._token_mask(patch_mask)
        return self._passed(tokens, mask, recipe.taps, max(recipe.taps))[1]

    @torch.inference_mode()
    def vv_taps(self, images: ByteArray, recipe: Recipe) -> tuple[list[Tensor], Tensor]:
        """Local features of the V-V path at each tap, L x (B, P, E), and the class feature.

        From block n/4 of n on, the path sums the V-V attention of the original stream, which
        itself stays unchanged; its tokens pass `ln_post` and the projection. The class feature
        (B, E) is the original stream's, projected without `ln_post`. Nothing is normalised.
        """
        x = path = self._visual.ln_pre(self._embedded(images, recipe))
        blocks, features = self._visual.transformer.resblocks, []
        first = len(blocks) // 4
        for number, block in enumerate(blocks, 1):
            path = path + value_attention(block, x) if number >= first else path
            x = block_output_at(block, x, _class_token_mask(x) if number == len(blocks) else None)
            path = x if number < first else path
            if number in recipe.taps:
                features.append(self.projected(path[:, 1:]))
        return features, self._product(x[:, 0])

    def projections(self) -> tuple[FloatArray, FloatArray]:
        """(E, width) of the image side and (E, text width) of the text side, float32."""
        image, text = self._visual.proj, text_side(self._model).text_projection
        image = torch.eye(self.info.width) if image is None else image.T
        text = text.weight if isinstance(text, torch.nn.Linear) else text.T
        return _numpy(image.detach()), _numpy(text.detach())

    def walk(self, images: ByteArray, recipe: Recipe, between: BlockHook) -> Tensor:
        """The stream (B, 1+P, width) after the last block; gradients flow through.

        between(0, x) gives the input of the first block, between(n, x) what goes on after block n.
        """
        x = between(0, self._visual.ln_pre(self._embedded(images, recipe)))
        for number, block in enumerate(self._visual.transformer.resblocks, 1):
            x = between(number, block_output(block, x))
        return x

    def ln_post(self, tokens: Tensor) -> Tensor:
        """`ln_post` of tokens (…, width); gradients flow through."""
        return self._visual.ln_post(tokens)

    @torch.inference_mode()
    def two_stream_taps(
        self, images: ByteArray, recipe: Recipe
    ) -> tuple[list[Tensor], list[Tensor]]:
        """CLIP-AD's original stream (B, P, width) and local features (B, 1+P, E) at each tap.

        The local features are the original class token and the V-V stream's patches of
        `two_streams` after `ln_post` and the projection, not normalised.
        """
        x = self._visual.ln_pre(self._embedded(images, recipe))
        streams = two_streams(self._visual.transformer.resblocks, x, recipe.taps)
        original = [x[:, 1:] for x, _ in streams]
        local = (torch.cat([x[:, :1], vv[:, 1:]], dim=1) for x, vv in streams)
        return original, [self.projected(tokens) for tokens in local]

    @torch.inference_mode()
    def windows(
        self, images: ByteArray, recipe: Recipe, indices: Sequence[Sequence[NDArray[np.int64]]]
    ) -> tuple[list[list[Tensor]], Tensor, Tensor]:
        """Class features of windows: for image b and scale k, indices[b][k] is (M, k*k).

        A window is the class token and some patches (indices into the grid, row by row), taken
        before `ln_pre`. Returns (M, E) for each image and scale, and of whole images all patches
        (B, P, width) after `ln_post`, not projected, and the class feature (B, E).
        """
        tokens = self._embedded(images, recipe)  # (B, 1+P, width)
        features = [
            [self._window_features(image_tokens, torch.from_numpy(index)) for index in scales]
            for image_tokens, scales in zip(tokens, indices, strict=True)
        ]
        stream, _ = self._passed(tokens)
        return features, self.ln_post(stream[:, 1:]), self.projected(stream[:, 0])

    def _window_features(self, tokens: Tensor, index: Tensor) -> Tensor:
        features = []
        for chunk in torch.split(functional.pad(index + 1, (1, 0)).to(self.device), CHUNK):
            window = tokens[chunk]  # the class token and some patches, (B, 1+k*k, width)
            stream, _ = self._passed(window, _class_token_mask(window))
            features.append(self.projected(stream[:, 0]))
        return torch.cat(features)

    def _token_mask(self, patch_mask: MaskArray) -> Tensor:
        """(B, 1+P): the class token and some patches (B, R, C)."""
        patches = torch.tensor(patch_mask).flatten(1)  # a copy: a mask may be a view
        return functional.pad(patches, (1, 0), value=True).to(self.device)

    def _passed(
        self,
        tokens: Tensor,
        output_mask: Tensor | None = None,
        taps: Sequence[int] = (),
        count: int | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """The stream (B, N, width) after all or `count` blocks, and its patches after each tap.

        `tokens` are before `ln_pre`. With an `output_mask` (B, N) the last block computes only
        those tokens.
        """
        blocks, features = self._visual.transformer.resblocks[:count], []
        x = self._visual.ln_pre(tokens)
        for number, block in enumerate(blocks, 1):
            x = block_output_at(block, x, output_mask if number == len(blocks) else None)
            if number in taps:
                features.append(x[:, 1:])
        return x, features

    def projected(self, first: Tensor) -> Tensor:
        """Class tokens (…, width) after `ln_post` and projection, (…, E)."""
        return self._product(self._visual.ln_post(first))

    def _product(self, tokens: Tensor) -> Tensor:
        """Tokens (…, width) times the projection, (…, E); as they are where there is none.

        Summed in float64: in float32 the order of the sum, and so the last digits of a score, would
        depend on how many slices are encoded at once and on the number of threads.
        """
        matrix = self._visual.proj
        return tokens if matrix is None else (tokens.double() @ matrix.double()).to(tokens.dtype)

    def _embedded(self, images: ByteArray, recipe: Recipe) -> Tensor:
        """Class token and patches with positions, (B, 1+P, width), before `ln_pre`.

        It sets the recipe's activation in every block.
        """
        set_activation(self._visual.transformer, recipe.activation)
        values = pixels(images, recipe, self.info, self.device).to(self._dtype)
        with exact_convolutions():
            patches = self._visual.conv1(values).flatten(2).transpose(1, 2)
        first = self._visual.class_embedding.to(self._dtype).expand(len(values), 1, -1)
        return torch.cat([first, patches], dim=1) + self._position_table(recipe)

    def _position_table(self, recipe: Recipe) -> Tensor:
        key = (recipe.grid, recipe.positions)
        if key not in self._positions:
            table = self._visual.positional_embedding.float()
            self._positions[key] = resized_positions(table, recipe).to(self._dtype)
        return self._positions[key]


def _class_token_mask(x: Tensor) -> Tensor:
    """The first of the tokens (B, N, width), as (B, N) of bool."""
    return (torch.arange(x.shape[1], device=x.device) == 0).expand(len(x), -1)


def _numpy(values: Tensor) -> FloatArray:
    return np.asarray(values.float().cpu().numpy())
