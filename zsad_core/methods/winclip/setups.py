"""WinCLIP, which learns nothing, on the demo and on other backbones."""

from zsad_core.methods.setup import LAION, OPENAI_QUICK, untrained, untrained_on_the_demo
from zsad_core.types import BackboneSpec

SETUPS = (
    *untrained_on_the_demo("winclip"),
    untrained("winclip", "laion400m-b16-240", LAION,
              "The CLIP of WinCLIP's re-implementations, at its own 240 px"),
    untrained("winclip", "openai-l14-336", OPENAI_QUICK,
              "The CLIP of APRIL-GAN, with the activation OpenAI trained it with, at its own "
              "336 px"),
    untrained("winclip", "pmc-l14", BackboneSpec("hf-hub:ryanyip7777/pmc_vit_l_14"),
              "CLIP trained on PubMed Central figures, which the paper's `pmc` used as we infer "
              "it"),
)  # fmt: skip
