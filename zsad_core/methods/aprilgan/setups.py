"""APRIL-GAN on the demo and as its authors published it."""

from zsad_core.methods.setup import Published, official, trained

ORIGIN = "github.com/ByChelsea/VAND-APRIL-GAN, exps/pretrained"
QUICK = (("image_size", "248"),)  # in 0.4 of the time that 336 px take; weighed on the model card

PUBLISHED = (
    Published("aprilgan", "official-mvtec", "aprilgan/mvtec_pretrained.pth", ORIGIN,
              "MVTec AD's test split", "a057cec6c2ba5996baa0160a51e155908156813f"),
    Published("aprilgan", "official-visa", "aprilgan/visa_pretrained.pth", ORIGIN,
              "VisA's test split", "86d6848c543f8393663d35c0333498ffb5ce9b68"),
)  # fmt: skip
SETUPS = (
    *trained("aprilgan", "linear layers (learned at 336 px, run at 248)", QUICK),
    *map(official, PUBLISHED),
)
