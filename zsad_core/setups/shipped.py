"""The shipped setups: a line here adds one.

The paper names four training setups and does not say in detail how each was trained; what each
entry says of them is INFERRED from public sources.
"""

from dataclasses import dataclass

from zsad_core.setups import published
from zsad_core.types import BackboneSpec

FINER = (("image_size", "336"),)  # 1.5 times the demo's own, as the official 518 px are of 336
QUICK = (("image_size", "248"),)  # in 0.4 of the time; weighed on the model card
PLAIN = (("hsf", "no"),)  # AdaCLIP's class feature alone is the score, at the demo's own 224 px
STILL = (("augment", "no"),)  # a memory without turned views: an eleventh of the comparisons
DEMO, PMC = BackboneSpec("demo"), BackboneSpec("demo-pmc")
OPENAI = BackboneSpec("ViT-L-14-336", "openai")  # the methods say which activation
LAION = BackboneSpec("ViT-B-16-plus-240", "laion400m_e31")


@dataclass(frozen=True)
class Setup:
    """A trained state of a method.

    `checkpoint` is a shipped file's name, a published file's below `published.folder()`, or an own
    file's path, "" where nothing is learned; `options` are fields set on the method, as text.
    """

    method: str
    setup: str
    backbone: BackboneSpec
    checkpoint: str
    provenance: str
    options: tuple[tuple[str, str], ...] = ()


def _trained(
    method: str, what: str, options: tuple[tuple[str, str], ...] = FINER
) -> tuple[Setup, ...]:
    """The paper's four setups of a method on the demo; `what` is what it learns, in the plural."""
    brains = f"{what} trained from scratch on the synthetic training subjects"
    texts = {
        "brats": f"Demo CLIP; {brains}.",
        "finetune": f"Demo CLIP; the industrial {what}, trained further on the synthetic training "
        "subjects.",
        "industrial": f"Demo CLIP; {what} trained on drawn surfaces with defects, no brain seen.",
        "pmc": f"Demo CLIP trained further on medical captions; {brains}.",
    }
    return tuple(
        Setup(
            method,
            name,
            PMC if name == "pmc" else DEMO,
            f"{method}-{name}.safetensors",
            f"{text} The paper's `{name}`, as we infer it.",
            options,
        )
        for name, text in texts.items()
    )


def _untrained(method: str, setup: str, backbone: BackboneSpec, provenance: str) -> Setup:
    return Setup(method, setup, backbone, "", f"{provenance}; no training for anomalies.")


def _official(one: published.Published) -> Setup:
    backbone, side = (LAION, 240) if one.method == "clipad-plus" else (OPENAI, 518)
    text = f"Published by the authors, trained on {one.trained_on}, at their {side} px."
    text += f" The paper's `{one.paper}`, as we infer it." if one.paper else ""
    return Setup(one.method, one.setup, backbone, one.file, text, (("image_size", str(side)),))


_ENTRIES = (  # lesions are small: SDP+ and AA-CLIP smooth less on the demo than by default
    *_trained("aprilgan", "linear layers (at 336 px)", QUICK),
    *_trained("anomalyclip", "prompts"),
    *_trained("adaclip", "prompts in both towers", PLAIN),
    *_trained("mvfa", "adapters inside the tower", STILL),
    *_trained("clipad-plus", "linear layers", (*FINER, ("sigma", "2"))),
    *_trained("aaclip", "adapters in both towers", (*FINER, ("domain", "none"))),
    *map(_official, published.FILES),
    _untrained("winclip", "zero-shot", DEMO, "Demo CLIP"),
    _untrained("winclip", "pmc", PMC, "Demo CLIP trained further on medical captions"),
    _untrained("winclip", "laion400m-b16-240", LAION,
               "The CLIP of WinCLIP's re-implementations, at its own 240 px"),
    _untrained("winclip", "openai-l14-336", BackboneSpec("ViT-L-14-336-quickgelu", "openai"),
               "The CLIP of APRIL-GAN, with the activation OpenAI trained it with, at its own "
               "336 px"),
    _untrained("winclip", "pmc-l14", BackboneSpec("hf-hub:ryanyip7777/pmc_vit_l_14"),
               "CLIP trained on PubMed Central figures, which the paper's `pmc` used as we infer "
               "it"),
    _untrained("clipad", "zero-shot", DEMO, "Demo CLIP"),
    _untrained("clipad", "pmc", PMC, "Demo CLIP trained further on medical captions"),
    _untrained("clipad", "laion400m-b16-240", LAION, "The CLIP of CLIP-AD, at its own 240 px"),
    _untrained("mutual3d", "zero-shot", DEMO, "Demo CLIP"),
    _untrained("mutual3d", "pmc", PMC, "Demo CLIP trained further on medical captions"),
    _untrained("mutual3d", "openai-l14-336", BackboneSpec("ViT-L-14-336-quickgelu", "openai"),
               "The CLIP of MuSc, with the activation OpenAI trained it with, at its own 336 px"),
    Setup("intensity", "zero-shot", DEMO, "", "No model: brightness itself."),
)  # fmt: skip
SETUPS = {(entry.method, entry.setup): entry for entry in _ENTRIES}
OFFICIAL = {(one.method, one.setup): one for one in published.FILES}
