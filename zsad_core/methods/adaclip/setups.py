"""AdaCLIP on the demo and as its authors published it."""

from zsad_core.methods.setup import Published, official, trained

ORIGIN = "the drive that the README of github.com/caoyunkang/AdaCLIP links to"
PLAIN = (("hsf", "no"),)  # the class feature alone is the score, at the demo's own 224 px

PUBLISHED = (
    Published("adaclip", "official-mvtec", "adaclip/pretrained_mvtec_colondb.pth", ORIGIN,
              "the test splits of MVTec AD and of ColonDB", paper=""),
    Published("adaclip", "official-visa", "adaclip/pretrained_visa_clinicdb.pth", ORIGIN,
              "the test splits of VisA and of ClinicDB", paper=""),
    Published("adaclip", "official-all", "adaclip/pretrained_all.pth", ORIGIN,
              "the test splits of 14 industrial and medical sets", paper=""),
)  # fmt: skip
SETUPS = (*trained("adaclip", "prompts in both towers", PLAIN), *map(official, PUBLISHED))
