"""SDP+ on the demo, where lesions are small and it smooths less, and as published."""

from zsad_core.methods.setup import FINER, LAION, Published, official, trained

ORIGIN = "github.com/ByChelsea/CLIP-AD, pretrained_models"

PUBLISHED = (
    Published("clipad-plus", "official-mvtec", "clipad-plus/train_on_mvtec.pth", ORIGIN,
              "MVTec AD's test split", "d9102b13"),
    Published("clipad-plus", "official-visa", "clipad-plus/train_on_visa.pth", ORIGIN,
              "VisA's test split", "854cc103"),
)  # fmt: skip
SETUPS = (
    *trained("clipad-plus", "linear layers", (*FINER, ("sigma", "2"))),
    *(official(published, LAION, 240) for published in PUBLISHED),
)
