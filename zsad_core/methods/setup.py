"""What a setup of a method is, and how the shipped ones are written down.

The paper names four training setups and does not say in detail how each was trained; what each
setup says of them is INFERRED from public sources.
"""

from dataclasses import dataclass

from zsad_core.types import BackboneSpec

Options = tuple[tuple[str, str], ...]
"""Fields of a method by name, as text."""

FINER: Options = (("image_size", "336"),)  # 1.5 times the demo's own, as official 518 px are of 336
DEMO, PMC = BackboneSpec("demo"), BackboneSpec("demo-pmc")
OPENAI = BackboneSpec("ViT-L-14-336", "openai")  # the methods say which activation
OPENAI_QUICK = BackboneSpec("ViT-L-14-336-quickgelu", "openai")
LAION = BackboneSpec("ViT-B-16-plus-240", "laion400m_e31")


@dataclass(frozen=True)
class Setup:
    """A trained state of a method.

    `checkpoint` is a shipped file's name, a published file's below the folder of those, or an own
    file's path, "" where nothing is learned; `options` are fields set on the method, as text. One
    that a user published for all has that user's mark as its `owner`; one that is a user's alone
    lies in that `home`.
    """

    method: str
    setup: str
    backbone: BackboneSpec
    checkpoint: str
    provenance: str
    options: Options = ()
    owner: str = ""
    home: str = ""


@dataclass(frozen=True)
class Published:
    """A checkpoint that the authors published; none is carried here.

    Names and git blob ids were read in the authors' repositories, what is inside was not: the
    shapes that are checked follow from the code that saves them. `file` is where a user puts it,
    below the folder of published files; `blob` is how its git blob id begins, "" if not known.
    `setup` is the name of the setup that reads it, `paper` the paper's setup that it is, as we
    infer it, "" if none.
    """

    method: str
    setup: str
    file: str
    origin: str
    trained_on: str
    blob: str = ""
    paper: str = "industrial"


def trained(method: str, what: str, options: Options = FINER) -> tuple[Setup, ...]:
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


def untrained(method: str, setup: str, backbone: BackboneSpec, provenance: str) -> Setup:
    """A setup of a method that learns nothing."""
    return Setup(method, setup, backbone, "", f"{provenance}; no training for anomalies.")


def untrained_on_the_demo(method: str) -> tuple[Setup, Setup]:
    """Such a setup on each of the two demo backbones."""
    return (
        untrained(method, "zero-shot", DEMO, "Demo CLIP"),
        untrained(method, "pmc", PMC, "Demo CLIP trained further on medical captions"),
    )


def official(published: Published, backbone: BackboneSpec = OPENAI, side: int = 518) -> Setup:
    """The setup of a published checkpoint, on its backbone at its side in pixels."""
    text = f"Published by the authors, trained on {published.trained_on}, at their {side} px."
    text += f" The paper's `{published.paper}`, as we infer it." if published.paper else ""
    options = (("image_size", str(side)),)
    return Setup(published.method, published.setup, backbone, published.file, text, options)
