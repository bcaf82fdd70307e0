"""What can be trained; to add a method's learner, write a file like `aprilgan.py` and its line."""

from collections.abc import Callable

from zsad_core.methods.aaclip.training import BothAdapters
from zsad_core.methods.adaclip.training import PromptsAndProjections
from zsad_core.methods.anomalyclip.training import PromptVectors
from zsad_core.methods.aprilgan.training import LinearLayers
from zsad_core.methods.clipad_plus.training import StagedLayers
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import Learner
from zsad_core.methods.mvfa.training import Adapters

LEARNERS: dict[str, Callable[[Encoder], Learner]] = {
    "aprilgan": LinearLayers,
    "anomalyclip": PromptVectors,
    "adaclip": PromptsAndProjections,
    "mvfa": Adapters,
    "clipad-plus": StagedLayers,
    "aaclip": BothAdapters,
}
