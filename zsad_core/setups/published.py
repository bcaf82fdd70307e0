"""Checkpoints that the authors published: what each is, and where a user puts the file.

None is carried here. Their names and git blob ids were read in the authors' repositories, what is
inside was not: the shapes that are checked follow from the code that saves them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from zsad_core.base.paths import home

APRILGAN = "github.com/ByChelsea/VAND-APRIL-GAN, exps/pretrained"
ANOMALYCLIP = "github.com/zqhang/AnomalyCLIP, checkpoints"
CLIPAD = "github.com/ByChelsea/CLIP-AD, pretrained_models"
ADACLIP = "the drive that the README of github.com/caoyunkang/AdaCLIP links to"


@dataclass(frozen=True)
class Published:
    """A published file, as `folder()/file`; `blob` is how its git blob id begins, "" if not known.

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


FILES = (
    Published("aprilgan", "official-mvtec", "aprilgan/mvtec_pretrained.pth", APRILGAN,
              "MVTec AD's test split", "a057cec6c2ba5996baa0160a51e155908156813f"),
    Published("aprilgan", "official-visa", "aprilgan/visa_pretrained.pth", APRILGAN,
              "VisA's test split", "86d6848c543f8393663d35c0333498ffb5ce9b68"),
    Published("anomalyclip", "official-mvtec",
              "anomalyclip/9_12_4_multiscale_visa/epoch_15.pth", ANOMALYCLIP,
              "MVTec AD's test split", "72adc786e031b49ea288ba5f815f0d38cf158708"),
    Published("anomalyclip", "official-visa", "anomalyclip/9_12_4_multiscale/epoch_15.pth",
              ANOMALYCLIP, "VisA's test split", "c90f1d9d92d158b436a8fc193f984d4cec8b1fc8"),
    Published("clipad-plus", "official-mvtec", "clipad-plus/train_on_mvtec.pth", CLIPAD,
              "MVTec AD's test split", "d9102b13"),
    Published("clipad-plus", "official-visa", "clipad-plus/train_on_visa.pth", CLIPAD,
              "VisA's test split", "854cc103"),
    Published("adaclip", "official-mvtec", "adaclip/pretrained_mvtec_colondb.pth", ADACLIP,
              "the test splits of MVTec AD and of ColonDB", paper=""),
    Published("adaclip", "official-visa", "adaclip/pretrained_visa_clinicdb.pth", ADACLIP,
              "the test splits of VisA and of ClinicDB", paper=""),
    Published("adaclip", "official-all", "adaclip/pretrained_all.pth", ADACLIP,
              "the test splits of 14 industrial and medical sets", paper=""),
)  # fmt: skip


def folder() -> Path:
    """Where published files are looked for; it need not be there."""
    return home() / "checkpoints"


def what_to_do(one: Published) -> str:
    """How to get a file that is not there."""
    return (
        f"Get {one.file.partition('/')[2]} from {one.origin} and put it at {folder() / one.file}."
    )


def compared(one: Published) -> str:
    """What the digest of the file that is there says; "" where there is none."""
    path = folder() / one.file
    if not path.is_file():
        return ""
    found = git_blob(path)
    if not one.blob:
        return f"git blob {found[:12]}; the published file's is not known"
    if found.startswith(one.blob):
        return f"git blob {found[:12]}, the published file"
    return f"git blob {found[:12]}, not the published file's {one.blob[:12]}"


def git_blob(path: Path) -> str:
    """The id that `git hash-object` gives a file: SHA-1 of a header with its size, then its bytes.

    Of a file in git's large-file storage the repository holds another, that of its pointer.
    """
    size = path.stat().st_size
    found = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            found.update(chunk)
    return found.hexdigest()
