"""How thresholds are chosen: each rule with its words, and what it may look at.

A rule is a class here and an entry of `RULES`. Commands, rows and addresses name it by its `text`,
such as "oracle" or "share:2%"; a name never changes its meaning.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from zsad_core.base.wording import counted
from zsad_core.errors import SettingError
from zsad_core.imaging.splits.tables import SplitTable
from zsad_core.metrics import thresholds
from zsad_core.metrics.plateaus import plateau_threshold
from zsad_core.metrics.thresholds import Curve, NormalCurve
from zsad_core.types import AnomalyMap, FloatArray, MaskArray, Split, Subject, Threshold


@dataclass(frozen=True)
class Amount:
    """The one number that a rule may take, above 0 and at most `most`, with the unit behind it."""

    label: str
    unit: str
    default: float
    most: float
    step: float


@dataclass(frozen=True)
class Rule:
    """What holds of every rule; `amount` is its number, if it takes one."""

    amount: float = 0.0
    name: ClassVar[str]  # under which it is registered
    title: ClassVar[str]  # what a user reads
    basis: ClassVar[str]  # what the threshold comes from, for captions
    explanation: ClassVar[str]  # a sentence on how it is chosen
    number: ClassVar[Amount | None] = None  # the number that it takes, None for none

    @property
    def text(self) -> str:
        """The name with the amount, as `rule_of` reads it."""
        return f"{self.name}:{self.amount:.12g}{self.number.unit}" if self.number else self.name


class Fixed(Rule):
    """A value, or a share of the method's range."""

    name = "fixed"
    title = "fixed"
    basis = "set by hand"
    explanation = "Set by hand with the slider."


class MapRule(Rule, ABC):
    """A threshold of each subject, from its own map."""

    @property
    @abstractmethod
    def note(self) -> str:
        """What the threshold is, beside it."""

    def lack(self, brain: MaskArray, truth: MaskArray | None) -> str:
        """What of a scan keeps it from having such a threshold, in words; "" for nothing."""
        return "" if brain.any() else "this scan is empty"

    @abstractmethod
    def of_map(self, values: FloatArray, brain: MaskArray, truth: MaskArray | None) -> float:
        """The threshold of a map; all are (S, H, W). NaN where the rule gives none."""

    @property
    def pending(self) -> Threshold:
        """The threshold before a map is read: NaN, always the same object, so that it is a key."""
        return Threshold(math.nan, self.text, self.note)


class Oracle(MapRule):
    """The best threshold of a subject; there is none without a lesion."""

    name = "oracle"
    title = "oracle"
    basis = "uses the ground truth"
    explanation = (
        "Best Dice on this subject, inside the brain and without component filter. Uses the ground "
        "truth: an upper bound of such masks, not a result."
    )
    note = "best 3D Dice of this subject, uses the ground truth"

    def lack(self, brain: MaskArray, truth: MaskArray | None) -> str:
        lesion = truth is not None and (truth & brain).any()
        return "" if lesion else "this subject has no lesion"

    def of_map(self, values: FloatArray, brain: MaskArray, truth: MaskArray | None) -> float:
        if truth is None or self.lack(brain, truth):
            return math.nan
        return thresholds.oracle_threshold(values, brain, truth)


class BrainShare(MapRule):
    """The highest values of a brain, as many as the share says."""

    name = "share"
    title = "share of the region"
    basis = "from the images alone"
    explanation = "The highest values inside each subject's region. From the images alone."
    number = Amount("Share of the region, %", "%", 2.0, 100.0, 0.5)

    @property
    def note(self) -> str:
        return f"highest {self.amount:g} % of the values inside each region, from the images alone"

    def of_map(self, values: FloatArray, brain: MaskArray, truth: MaskArray | None) -> float:
        return thresholds.brain_share_threshold(values, brain, self.amount)


class StableComponents(MapRule):
    """The plateau of the number of components, as MEBin takes it."""

    name = "components"
    title = "stable number of components"
    basis = "from the images alone"
    explanation = (
        "Lowest threshold of the longest stretch with one number of components, after MEBin. From "
        "the images alone."
    )
    note = "longest stretch with one number of components, from the images alone"

    def of_map(self, values: FloatArray, brain: MaskArray, truth: MaskArray | None) -> float:
        return plateau_threshold(values, brain)


@dataclass(frozen=True)
class TuningCurves:
    """What a rule is tuned on: a subject's `curve`, and `normal` where the rule reads that."""

    curve: Curve
    normal: NormalCurve | None = None


class TunedRule(Rule, ABC):
    """A threshold from the maps of other subjects."""

    needs: ClassVar[str]  # which subjects it is tuned on, in words
    parts: ClassVar[tuple[Split, ...]] = ()  # parts of a split that it is tuned on
    reads_normal: ClassVar[bool] = False  # whether it reads the volumes in lesion-free slices

    def tuning(
        self, subjects: Collection[Subject], split: SplitTable, subject: str
    ) -> list[Subject]:
        """Those of the evaluable subjects on which the threshold of one subject is tuned."""
        return [other for other in subjects if other.split in self.parts]

    @abstractmethod
    def of_curves(self, curves: Sequence[TuningCurves]) -> Threshold:
        """The threshold tuned on those curves; raises SettingError where they allow none."""


class Validation(TunedRule):
    """The best common threshold of the validation subjects."""

    name = "validation"
    title = "validation"
    basis = "from the ground truth of validation subjects"
    explanation = "Best mean 3D Dice over the validation subjects."
    needs = "validation subjects"
    parts: ClassVar[tuple[Split, ...]] = ("validation",)

    def of_curves(self, curves: Sequence[TuningCurves]) -> Threshold:
        of_subjects = [subject.curve for subject in curves]
        count = sum(curve.truth > 0 for curve in of_subjects)
        note = f"best mean 3D Dice over {self.needs}, {count} with a lesion"
        return Threshold(thresholds.validation_threshold(of_subjects), self.text, note)


class CrossValidation(Validation):
    """The best common threshold of the subjects that validate in other folds.

    The truth of the subject's patient never enters, nor under the id of a copy. Where a checkpoint
    was trained on the data, it has seen the subjects of the other folds, whose maps then are better
    than those of new subjects.
    """

    name = "cross-validation"
    title = "cross-validation"
    basis = "from the ground truth of the validation subjects of other folds"
    explanation = (
        "Best mean 3D Dice over the validation subjects of all folds but those in which this "
        "patient validates."
    )
    needs = "validation subjects of other folds"
    parts = ()

    def tuning(
        self, subjects: Collection[Subject], split: SplitTable, subject: str
    ) -> list[Subject]:
        if len(split.folds) < 2:
            return []
        validations = [fold.validation for fold in split.folds]
        others = [names for names in validations if not split.shares_patient(subject, names)]
        held_out = {name for names in others for name in names}
        return [other for other in subjects if other.id in held_out]


class FalsePositives(TunedRule):
    """The lowest threshold that lesion-free slices allow."""

    name = "fp"
    title = "false positives allowed"
    basis = "from lesion-free slices of train and validation subjects"
    explanation = (
        "Lowest threshold, of 256 a map, at which the lesion-free slices of train and validation "
        "subjects hold at most so many ml a subject on average."
    )
    number = Amount("False positives allowed, ml a subject", "ml", 0.5, 10000.0, 0.1)
    needs = "train or validation subjects"
    parts = ("train", "validation")
    reads_normal = True

    def of_curves(self, curves: Sequence[TuningCurves]) -> Threshold:
        normal = [subject.normal for subject in curves if subject.normal is not None]
        value = thresholds.false_positive_threshold(normal, self.amount)
        note = (
            f"at most {self.amount:g} ml predicted in the lesion-free slices of "
            f"{counted(len(normal), 'train or validation subject')} on average"
        )
        return Threshold(value, self.text, note)


_KINDS = Validation, CrossValidation, Fixed, FalsePositives, BrainShare, StableComponents, Oracle
RULES: dict[str, Rule] = {
    kind.name: kind(kind.number.default if kind.number else 0.0) for kind in _KINDS
}
"""The rules by name, each with its default amount, in the order in which they are offered."""
COMMAND = "|".join(rule.text for rule in RULES.values()).replace(Fixed.name, "VALUE|PERCENT%")
"""What a command takes for a rule, in short."""


def of_mask(rule: Rule, high: float) -> Threshold:
    """The threshold of a mask with the values 0 and `high`, under whatever rule.

    >>> of_mask(rule_of("share:2%"), 1.0).value
    1.0
    """
    return Threshold(high, rule.text, "the one threshold of a mask")


def of_anomaly(
    rule: MapRule, anomaly: AnomalyMap, brain: MaskArray, truth: MaskArray | None
) -> Threshold:
    """The threshold of a map; masks are (S, H, W). NaN where the rule gives none."""
    value = rule.of_map(anomaly.values, brain, truth)
    if anomaly.binary and not math.isnan(value):
        return of_mask(rule, anomaly.high)
    return Threshold(value, rule.text, rule.note)


def rule_of(text: str) -> Rule:
    """The rule of a text, `Fixed` if it names none; SettingError for an amount it does not take.

    >>> rule_of("share:2%").amount, rule_of("0.5").name
    (2.0, 'fixed')
    """
    name, _, amount = text.strip().partition(":")
    rule = RULES.get(name, RULES[Fixed.name])
    if not amount:
        return rule
    if rule.number is None:
        return RULES[Fixed.name]
    try:
        value = float(amount.strip().removesuffix(rule.number.unit))
    except ValueError:
        value = math.nan
    if not 0 < value <= rule.number.most:
        raise SettingError(
            f"The threshold rule '{text}' cannot be used; give more than 0 and at most "
            f"{rule.number.most:g} {rule.number.unit}, as in {RULES[name].text}."
        )
    return type(rule)(value)
