"""Keys of what is stored and of rows: where they change, all that users stored is made again.

A key here changes only with `store.FORMAT` or `result_schema.VERSION`, on purpose.
"""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from zsad_core import setups
from zsad_core.base.store import Store, key_of
from zsad_core.evaluation.rows import row_key
from zsad_core.inference import evaluation, pipeline, stored_features
from zsad_core.inference import thumbnails as pictures
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.inference.views import View
from zsad_core.lab import candidates
from zsad_core.metrics.threshold_rules import RULES
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import (
    BackboneSpec,
    DataSpec,
    PromptSet,
    ReadoutSpec,
    Reference,
    SliceSpec,
    Threshold,
)
from zsad_core.workspace import history

DATA = DataSpec("demo-2mm")
SUBJECT = SliceSpec(DATA, "DEMO-MET-013-000")
OWN = PromptSet("own", ("a {}",), ("a bad {}",), ("{}.",), "brain", "me", ("A",), ("off",))
BY_HAND = Threshold(0.6, "fixed", "set by the slider")


class Asked(Store):
    """A store that holds everything that is asked for, and tells the keys."""

    def __init__(self, root):
        super().__init__(root)
        self.keys = []

    def names(self, key):
        self.keys.append(key)
        return {hashlib.sha256(b"a scan.").hexdigest()}

    def read(self, key, name):
        self.keys.append(key)
        return np.zeros((1, 1, 2, 256))


class Fixed(Engine):
    """No scan is read: its digest is told by its name."""

    def digest(self, spec):
        return hashlib.sha256(f"{spec.subject} {spec.modality}".encode()).hexdigest()

    def known_digest(self, spec):
        return self.digest(spec)

    def precision(self):
        return "float32"


@pytest.fixture
def engine(tmp_path):
    return Fixed(Asked(tmp_path), "cpu")


def keys_of(engine):
    """What is kept, by its name."""
    shipped = prompt_sets.shipped()

    def spec(method, setup, prompts="", slices=SUBJECT, **more):
        texts = shipped[prompts] if prompts else OWN
        return pipeline.map_spec(engine, slices, method, setup, texts, **more)

    def feature(found):
        return stored_features.feature_key(engine, found.features)

    def asked(work, *given):
        engine.store.keys.clear()
        work(*given)
        return engine.store.keys[0]

    sagittal, coronal = (
        replace(SUBJECT, plane=plane, modality=modality)
        for plane, modality in (("sagittal", "t1c"), ("coronal", "t1n"))
    )
    few = {"references": (Reference(replace(SUBJECT, subject="DEMO-MET-001-000"), 31),)}
    april, anomaly = spec("aprilgan", "brats", "aprilgan"), spec("anomalyclip", "pmc")
    ada, mvfa = spec("adaclip", "finetune", "adaclip", sagittal), spec("mvfa", "industrial")
    aa, win = spec("aaclip", "brats", "aaclip"), spec("winclip", "pmc", "winclip", coronal)
    mutual = spec("mutual3d", "zero-shot", volumes=("DEMO-MET-001-000", SUBJECT.subject))
    plain = spec("intensity", "zero-shot", "appearance")
    half = replace(april.features, precision="bfloat16", backbone=BackboneSpec("demo-pmc"))
    map_key = evaluation.map_key(engine, april)
    read = ReadoutSpec(0.35, False, 5, "nan", "centroid")
    view = View(april, 40, BY_HAND, read)
    return {
        "features of aprilgan": feature(april),
        "features of aprilgan, half": stored_features.feature_key(engine, half),
        "features of adaclip": feature(ada),
        "features of mvfa": feature(mvfa),
        "features of winclip": feature(win),
        "features of intensity": feature(plain),
        "cubes of mutual3d": asked(resolve(engine, mutual).cubes.missing),
        "map of aprilgan": map_key,
        "map of anomalyclip": evaluation.map_key(engine, anomaly),
        "map of aaclip": evaluation.map_key(engine, aa),
        "map of winclip, few-shot": evaluation.map_key(engine, spec("winclip", "pmc", **few)),
        "map of mutual3d": evaluation.map_key(engine, mutual),
        "map of intensity": evaluation.map_key(engine, plain),
        "texts of clipad-plus": asked(
            resolve(engine, spec("clipad-plus", "brats", "clipad")).texts.embeddings
        ),
        "sentences": asked(resolve(engine, april).texts.encoder.sentences, ["a scan."]),
        "row": row_key(map_key, read, BY_HAND),
        "row of an oracle": row_key(map_key, ReadoutSpec(), RULES["oracle"].pending),
        "row on own data": row_key(map_key, read, BY_HAND, {"subject": "A-1"}),
        "candidates": asked(candidates.measured, engine, anomaly, ["DEMO-MET-001-000"], [OWN]),
        "picture": asked(pictures.stored_thumbnail, engine, view, "classic"),
        "prompts": prompt_sets.digest(OWN),
        "trial": history.content_of(shipped["medical"]),
        "digest of a scan": asked(_digest, engine),
        "checkpoint": setups.digest(setups.find("clipad-plus", "industrial")),
        "work of encoding": key_of("", features=april.features, volumes=mutual.volumes),
        "work on a view": key_of("", view=replace(view, index=0), kind="gif"),
    }


def _digest(engine):
    """Asks the store for the digest as an engine does that reads scans."""
    engine._digests.clear()
    Engine.known_digest(engine, SUBJECT)


FROZEN = {
    "features of aprilgan": "aecf0e54538733c2bf29",
    "features of aprilgan, half": "6ee9189e8700769bc5a4",
    "features of adaclip": "79b97c74898f73f1ee5f",
    "features of mvfa": "f76e77323c156c30f3ee",
    "features of winclip": "c6d638fa146a0afe7173",
    "features of intensity": "99b1c02f9d2a8a199161",
    "cubes of mutual3d": "431f0fee32fa3fbdcd15",
    "map of aprilgan": "7967aba31eea74214190",
    "map of anomalyclip": "1782296f35f67975a582",
    "map of aaclip": "ad0743fadef8b948dd21",
    "map of winclip, few-shot": "d4bb51b514d045ba7cef",
    "map of mutual3d": "df15cfa75611190def40",
    "map of intensity": "d576d21b35ae978012a6",
    "texts of clipad-plus": "c182b445566fee4c91d6",
    "sentences": "f7a61b0cf24248052d77",
    "row": "bf61f5a2e1159636a785",
    "row of an oracle": "434895158a0c98a8c314",
    "row on own data": "51fd14df8b2b4e6b95e9",
    "candidates": "7d110bee917b362349c4",
    "picture": "bf58f48d8104a7221f18",
    "prompts": "4e11ef268e4396af9132",
    "trial": "bb816fabaa0b",
    "digest of a scan": "19b1a82a1c97f0c65c26",
    "checkpoint": "72ba94a8576f31725468",
    "work of encoding": "952f6064c3faa2156a11",
    "work on a view": "f796010749d22b419edc",
}


def test_keys_stay(engine, monkeypatch):
    monkeypatch.setattr(
        "zsad_core.inference.engine._stamp", lambda spec: f"/data/{spec.subject} 1 2"
    )
    assert {name: key[:20] for name, key in keys_of(engine).items()} == FROZEN
