"""`study.yaml`: what a study asks for."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Literal

import pydantic
import yaml

from zsad_core.evaluation.choosing import EVERY
from zsad_core.evaluation.tasks import Keep
from zsad_core.imaging.predictions.sets import PredictionKind
from zsad_core.imaging.splits.making import Draw
from zsad_core.imaging.splits.tables import Fold
from zsad_core.metrics.dice import EmptySlices
from zsad_core.results.conventions import Which
from zsad_core.results.slice_sums import Centre
from zsad_core.types import DataSpec, Plane, Precision, PromptSet

NO_SPLIT = "none"
TrainingSetup = Literal["industrial", "finetune", "brats", "pmc"]


@dataclass(frozen=True)
class StudyData:
    """A data set, its contrasts and planes, and the subjects to report on.

    `root` is the demo's name or a folder, from the study's own folder if relative. `kind`,
    `labels`, `region` and `contrast` are those of `evaluate` for it; "" is as the app knows it or
    its files say. `split` names what divides the subjects: "" the only one, "none" goes without;
    where there is none of its name, `draw` or `folds` makes it. No modality takes BraTS's t2f, or
    the first where the data have none.
    """

    root: str = "demo"
    kind: str = ""
    labels: str = ""
    region: str = ""
    contrast: str = ""
    split: str = ""
    draw: Draw | None = None
    folds: tuple[Fold, ...] = ()
    modalities: tuple[str, ...] = ()
    planes: tuple[Plane, ...] = ("axial",)
    part: Literal["train", "validation", "test", "extra", "all"] = "test"
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudySeries:
    """Every method named, in every setup named, under every prompt set named.

    A set of predictions is named as a method. No prompt set takes each method's own.
    """

    methods: tuple[str, ...]
    setups: tuple[str, ...] = (EVERY,)
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyPrompts:
    """A prompt set, as in a file of its own, to be added where there is none of the name."""

    name: str
    normal: tuple[str, ...]
    abnormal: tuple[str, ...]
    templates: tuple[str, ...] = ()
    class_name: str = PromptSet.class_name
    source: str = ""
    tuned_on: tuple[str, ...] = ()
    normal_off: tuple[str, ...] = ()
    abnormal_off: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyPredictions:
    """Files of another model, one a subject, to be added where the data have none of the name."""

    name: str
    folder: str
    kind: PredictionKind = "mask"
    labels: tuple[int, ...] = ()
    range: tuple[float, float] | None = None
    provenance: str = ""
    trained_on: str = ""
    resample: bool = False


@dataclass(frozen=True)
class TrainingData:
    """Other data than the study's to train on, as `train` takes them; `split` "" goes without."""

    root: str
    kind: str = ""
    labels: str = DataSpec.labels
    region: str = DataSpec.region
    contrast: str = ""
    split: str = ""


@dataclass(frozen=True)
class StudyTraining:
    """A setup `name` of each method, to be trained where there is none.

    `setup` says what it learns from: training subjects of the study or of `data`, or for
    "industrial" the image set `images` of layout `kind`, "" for drawn surfaces; of it `most` images
    at most, without the classes `leave_out`. `like` names a setup of the same method, whose
    backbone and options hold, and whose checkpoint `finetune` goes on from where no `start` is
    given. `modality` "" is the study's first; other empty texts and 0 are the defaults of `train`.
    """

    name: str
    methods: tuple[str, ...]
    setup: TrainingSetup
    like: str = ""
    backbone: str = ""
    weights: str = ""
    data: TrainingData | None = None
    images: str = ""
    kind: str = ""
    most: int = 0
    leave_out: tuple[str, ...] = ()
    modality: str = ""
    subjects: int = 40
    slices: int = 40
    image_size: int = 0
    epochs: int = 0
    loss_side: int = 0
    options: tuple[str, ...] = ()
    start: str = ""
    seed: int = 0
    precision: Precision = "float32"


@dataclass(frozen=True)
class StudyMask:
    """How a map becomes a mask beside its threshold."""

    outside_brain: bool = False
    min_component: int = 0


@dataclass(frozen=True)
class StudyConventions:
    """How rows are read in figures and tables."""

    empty: EmptySlices = "lesion_only"
    slices: Which = "all"
    centre: Centre = "middle"
    exposed: bool = False


@dataclass(frozen=True)
class Study:
    """A whole study; `notes` are printed in its report.

    `also` are rows that stand beside those of a figure or table as further series, each as AXIS or
    AXIS=VALUE, such as "modality". `figures` are the paper's by number and `tables` names of files
    without their ending; () takes all tables. `keep` is that of `evaluate`.
    """

    __pydantic_config__: ClassVar = pydantic.ConfigDict(extra="forbid")  # that of all parts too

    title: str
    series: tuple[StudySeries, ...]
    data: StudyData = StudyData()
    notes: tuple[str, ...] = ()
    prompt_sets: tuple[StudyPrompts, ...] = ()
    predictions: tuple[StudyPredictions, ...] = ()
    training: tuple[StudyTraining, ...] = ()
    thresholds: tuple[str, ...] = ("validation",)
    mask: StudyMask = StudyMask()
    conventions: StudyConventions = StudyConventions()
    also: tuple[str, ...] = ()
    figures: tuple[int, ...] = (1, 2, 3, 4, 5)
    tables: tuple[str, ...] = ()
    precision: Precision | Literal[""] = ""
    keep: Keep = "features"

    def wants(self, name: str) -> bool:
        """Whether a figure, such as "figure1", or a table is asked for.

        >>> Study("x", (), figures=(1,), tables=("dice",)).wants("figure2")
        False
        """
        if name.startswith("figure"):
            return int(name.removeprefix("figure")) in self.figures
        return not self.tables or name in self.tables

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked for, whatever its layout and comments."""
        return hashlib.sha256(as_yaml(self).encode()).hexdigest()


STUDY = pydantic.TypeAdapter(Study)


def as_yaml(study: Study) -> str:
    """The study as the text of a file that `reading.read` reads back; defaults are left out.

    >>> print(as_yaml(Study("Two baselines", (StudySeries(("intensity", "winclip")),))))
    title: Two baselines
    series:
    - methods:
      - intensity
      - winclip
    <BLANKLINE>
    """
    content = STUDY.dump_python(study, mode="json", exclude_defaults=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
