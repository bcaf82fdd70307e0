"""What can be trained; to add a method's learner, write a file like `aprilgan.py` and its line."""

from collections.abc import Callable

from zsad_core.training.aaclip import BothAdapters
from zsad_core.training.adaclip import PromptsAndProjections
from zsad_core.training.anomalyclip import PromptVectors
from zsad_core.training.aprilgan import LinearLayers
from zsad_core.training.clipad import StagedLayers
from zsad_core.training.examples import Encoder
from zsad_core.training.learner import Learner
from zsad_core.training.mvfa import Adapters

LEARNERS: dict[str, Callable[[Encoder], Learner]] = {
    "aprilgan": LinearLayers,
    "anomalyclip": PromptVectors,
    "adaclip": PromptsAndProjections,
    "mvfa": Adapters,
    "clipad-plus": StagedLayers,
    "aaclip": BothAdapters,
}
