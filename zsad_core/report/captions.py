"""Captions of figures and tables: data, threshold rule, conventions and counts."""

import json
from collections.abc import Sequence

import pandas as pd

from zsad_core.base.palette import NAMES, Classes
from zsad_core.base.wording import counted, listed
from zsad_core.methods import METHODS, name_of
from zsad_core.metrics import intervals
from zsad_core.metrics.dice import EMPTY_RULES
from zsad_core.report.backbone_names import NONE, by_configuration
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.comparisons import RankShares
from zsad_core.report.samples import SamplePictures
from zsad_core.report.selection import Selection
from zsad_core.results.conventions import Which

DATA = {"demo": "synthetic demo cohort", "demo-2mm": "synthetic demo cohort at 2 mm"}
FIGURE_1 = (
    "3D Dice of each subject by method, one panel a setup: box of the quartiles with the median, "
    "whiskers to the farthest subject within 1.5 interquartile ranges. Diamond: mean; its bar: "
    f"{intervals.WORDS}."
)
FAR_ONES = " Points: the subjects beyond 1.5 interquartile ranges alone."
FIGURE_2 = (
    "2D Dice of each subject's slices: box of the quartiles with the median, whiskers to the "
    "farthest slice within 1.5 interquartile ranges, slices beyond not drawn. Red cross: the "
    "subject's 3D Dice."
)
SPREAD = (
    "Mean ± sd over the subjects with a 3D Dice; of 2D Dice over those counted as 2D subjects, "
    "where there is that column."
)
PAIRED = (
    "On the subjects that both have; a subject without a value in one is left out of both. Mean "
    "difference, wins, ties and losses are over subjects; median, test and effect size over "
    "patients, of their mean differences. Wilcoxon signed-rank test, two-sided, without zero "
    "differences, p exact (a normal approximation of more than 50 differences, or of more than 13 "
    "where some are equal), corrected by Holm over all pairs of a measure that stand here; effect "
    "size: matched-pairs rank-biserial correlation, above 0 where the first is better."
)
RANKS = (
    f"Share of {intervals.RESAMPLES:,} bootstrap resamples of patients (seed {intervals.SEED}) in "
    "which a configuration has a rank by mean 3D Dice; equal means share the better rank."
)
LESIONS = (
    "Lesions over 2 mm³ (BraTS 2023 rule); a missed lesion has Dice 0; a lesion lies at the depth "
    "of its largest slice. Mean ± sd over lesions."
)
_LESION_COUNTS = f"Lesions over 2 mm³ (BraTS 2023 rule). {SPREAD}"
GROUPED = {
    "volume": ("lesion_volume", "Dice by lesion volume of the subject", SPREAD),
    "number": ("lesion_number", "Dice by number of lesions", _LESION_COUNTS),
    "third": ("depth", "Dice by third of the depth", f"3D Dice of the slices in it. {SPREAD}"),
    "site": ("site", "Dice by site folder", f"Folder below the data's root. {SPREAD}"),
}
"""Files, titles and notes of the tables by group."""
SEEN = (
    "What weights were trained on, as published or recorded; exposed: subjects that checkpoint, "
    "prompts, threshold or references have seen, which stand apart from means, figures and tests."
)
FAILURES = (
    "Missed: a lesion over 2 mm³ that no predicted component touches (BraTS 2023 rule); it lies in "
    "the third of its largest slice. False positive: a slice without lesion where anything is "
    "predicted; slices that hold neither region nor prediction are not counted."
)
BARS = f"Bars: {intervals.WORDS}."
FIGURE_4 = "Sample slices with the truth in yellow."
ENDS = {"coronal": ("posterior", "anterior"), "sagittal": ("left", "right")}
"""The first and the last slices of other planes, which figures call inferior and superior."""
NAMED = 12  # subjects that are named; the others are counted


def figure_3(region: str) -> str:
    """What Figure 3 shows, of scans of a region."""
    return (
        "Mean 2D Dice against normalised depth, -1 the most inferior and +1 the most superior "
        f"slice of the {region}. Band: {intervals.WORDS}. Yellow bars: slices with lesion of the "
        "configuration with most of them."
    )


def threshold_costs(region: str) -> str:
    """What the costs of the threshold are, of scans of a region."""
    return (
        "On the subjects with lesion that every rule of a configuration has; masks have one "
        "threshold and are left out. Oracle: the best 3D Dice of each map, in the "
        f"{region} and without component filter; it uses the ground truth and is an upper bound, "
        "not a result. Loss: oracle minus 3D Dice. 3D Dice is of whole volumes."
    )


def calibration(region: str) -> str:
    """What the calibration shows, of scans of a region."""
    return (
        f"Voxels of the {region} in ten even bins of the predicted value, of which each map keeps "
        "256: its mean against the share of lesion among them, for methods whose map is a "
        "probability, the softmax of abnormal against normal; on the diagonal it is calibrated. "
        f"{BARS}"
    )


def data_of(group: ComparisonGroup) -> str:
    """The data of a comparison group, with the folder of its scans.

    >>> data_of(ComparisonGroup("demo", "t2f", "axial", "oracle"))
    'synthetic demo cohort'
    """
    return f"{DATA.get(group.data, group.data)} {group.root}".strip()


def slices_of(which: Which, region: str) -> str:
    """The slices that enter a mean, of scans of a region.

    >>> slices_of("brain", "liver")
    'slices with liver'
    """
    return {"all": "all slices", "brain": f"slices with {region}"}.get(which, "slices with lesion")


def figure_5(palette: Classes = "classic") -> str:
    """What Figure 5 shows, and in which colours."""
    hit, false, missed = NAMES[palette]
    return (
        f"Truth against prediction on grey slices: true positive {hit}, false positive {false}, "
        f"false negative {missed}, with the slice's Dice and the threshold."
    )


def caption(frame: pd.DataFrame, selection: Selection, exposed: Sequence[str] = ()) -> str:
    """What a `dice_table` is of, how it is read and made; subjects `exposed` are left out."""
    group = selection.group
    subjects, with_dice = frame["subject"].nunique(), frame.loc[frame["dice_3d"].notna(), "subject"]
    configurations = len(frame.groupby(["setup", "series"], observed=True))
    modalities, planes = (" and ".join(selection.values(name)) for name in ("modality", "plane"))
    bases = {each.threshold: each.rule.basis for each in selection.groups}
    thresholds = " and ".join(f"{rule} ({basis})" for rule, basis in bases.items())
    parts = [
        _data(frame, group, modalities, planes),
        f"threshold: {thresholds}",
        f"mean 2D Dice over {_slices_in_mean(selection)}",
        f"depth 0 is the {selection.centre} of the {selection.region}",
        f"{counted(subjects, 'subject')}, {with_dice.nunique()} with a 3D Dice",
        counted(configurations, "configuration"),
        _slices_counted(frame),
        _devices(frame),
        *_batches(frame),
        *_backbones(frame),
    ]
    filters = (*selection.volumes, *selection.numbers, *selection.sites, *selection.subjects)
    if filters:
        parts.append(f"only {', '.join(filters)}")
    if selection.third:
        parts.append(f"{selection.third} third of the depth alone")
    if exposed:
        parts.append(_without(exposed))
    return "; ".join(parts) + "." + _ends(selection) + _reference_sets(frame) + _warnings(frame)


def _slices_counted(frame: pd.DataFrame) -> str:
    """How many slices are in a configuration's mean; from fewest to most where they differ."""
    counts = frame.groupby(["setup", "series"], observed=True)["slices"].sum()
    fewest, most = int(counts.min()), int(counts.max())
    if fewest == most:
        return f"{counted(most, 'slice')} in each configuration's mean"
    return f"{fewest} to {most} slices in a configuration's mean"


def _data(frame: pd.DataFrame, group: ComparisonGroup, modality: str, plane: str) -> str:
    splits = sorted({split or "no split" for split in frame["split"].unique()})
    return f"Data: {data_of(group)}, {modality}, {plane}, {', '.join(splits)}"


def _ends(selection: Selection) -> str:
    """What inferior and superior mean in planes other than axial."""
    return "".join(
        f" Of {plane} slices, inferior stands for {ENDS[plane][0]} and superior for "
        f"{ENDS[plane][1]}."
        for plane in selection.values("plane")
        if plane in ENDS
    )


def _without(exposed: Sequence[str]) -> str:
    return f"without rows of exposed subjects ({listed(exposed, NAMED)})"


def of_costs(frame: pd.DataFrame, selection: Selection, exposed: Sequence[str] = ()) -> str:
    """What `caption` says, of `threshold_costs.costs`."""
    *_, modality, plane, conditions = selection.group.conditions
    parts = [
        _data(frame, selection.group, modality, plane),
        *([conditions] if conditions else []),
        f"{counted(frame['subject'].nunique(), 'subject')} with lesion",
        _devices(frame),
        *([_without(exposed)] if exposed else []),
    ]
    return "; ".join(parts) + "." + _reference_sets(frame) + _warnings(frame)


def _slices_in_mean(selection: Selection) -> str:
    """The slices in a mean, and the Dice of empty ones."""
    if selection.empty == "lesion_only":
        return slices_of("lesion", selection.region)
    return f"{slices_of(selection.which, selection.region)}, {EMPTY_RULES[selection.empty].words}"


def _reference_sets(frame: pd.DataFrame) -> str:
    """The unlabelled set of each method that scores a volume against others."""
    text = ""
    for series, rows in frame[frame["beside"] != ""].groupby("series"):
        sets = rows["beside"].map(lambda content: frozenset(json.loads(content)))
        names = sorted(frozenset().union(*sets))
        pairs = zip(sets, rows["subject"], strict=True)
        even = all(members == set(names) - {subject} for members, subject in pairs)
        text += (
            f" {series} scored each subject against the unlabelled set {listed(names, NAMED)}, "
            f"{'itself excluded' if even else 'not always all of it'}."
        )
    return text


def rank_caption(ranks: RankShares | None) -> str:
    """What the ranks are over, and the subjects that are left out."""
    if ranks is None:
        return (
            "No ranks: they need two configurations that share at least "
            f"{intervals.FEWEST} patients with a 3D Dice."
        )
    left_out = f" Left out, not in all: {listed(ranks.missing, NAMED)}." if ranks.missing else ""
    subjects = counted(ranks.subjects, "subject")
    return f"{RANKS} Over the {subjects} that all configurations have.{left_out}"


def sample_caption(pictures: SamplePictures) -> str:
    """The subject and slices of Figures 4 and 5, and the rule that chose them."""
    sample = pictures.sample
    averaged = "finetune and brats" if sample.finetuned else "all, none finetuned on BraTS"
    which = "both sides" if sample.both_sides else "one side alone, none having both,"
    slices = ", ".join(f"({'ab'[i]}) slice {s.index + 1}" for i, s in enumerate(sample.slices))
    return (
        f"Subject {sample.subject}, with the median 3D Dice ({sample.dice:.3f}, mean over "
        f"{averaged}) among {counted(sample.subjects, 'subject')} with lesion on {which} of depth "
        f"0; of each side the slice with most lesion: {slices}, counted from the bottom."
    )


def omissions(pictures: SamplePictures) -> str:
    """The configurations without a picture, each with the reason; "" if there are none."""
    reasons = "; ".join(
        f"{series} {setup}: {why}" for (setup, series), why in pictures.missing.items()
    )
    return f" Not drawn: {reasons.removesuffix('.')}." if reasons else ""


def _devices(frame: pd.DataFrame) -> str:
    """Precisions of the features and devices of the rows."""
    precisions = sorted(filter(None, frame["precision_of_features"].unique()))
    return ", ".join([*precisions, *sorted(frame["device"].str.upper().unique())])


def _batches(frame: pd.DataFrame) -> list[str]:
    """Slices encoded at once, of each method whose last digits depend on it."""
    batches = frame.groupby("method")["batch"].unique()
    return [
        f"{name_of(name)} on {' or '.join(map(str, sorted(batches[name])))} slices at once"
        for name, method in METHODS.items()
        if method.last_bits and name in batches
    ]


def _backbones(frame: pd.DataFrame) -> list[str]:
    """The backbones where there are several, each with the setups that have it."""
    setups: dict[str, list[str]] = {}
    for (setup, _), backbone in by_configuration(frame).items():
        if backbone != NONE:
            setups.setdefault(backbone, []).append(setup)
    words = [f"{name} ({', '.join(dict.fromkeys(of))})" for name, of in sorted(setups.items())]
    return [f"backbones: {', '.join(words)}"] if words else []


def _warnings(frame: pd.DataFrame) -> str:
    """Configurations of mixed weights or fewer subjects, and subjects whose truth was seen."""
    configurations = frame.groupby(["setup", "series"], observed=True)
    mixed = (configurations[["checkpoint_digest", "weights_digest"]].nunique() > 1).any(axis=1)
    names = [f"{series} {setup}" for setup, series in mixed.index[mixed]]
    text = f" Mixed weights: {', '.join(names)}." if names else ""
    uneven = configurations["subject"].nunique()
    if uneven.nunique() > 1:
        text += f" Configurations cover {uneven.min()} to {uneven.max()} subjects."
    exposed = sorted(frame.loc[frame["exposed"], "subject"].unique())
    if exposed:
        text += (
            f" Exposed, so optimistic: {listed(exposed, NAMED)}; checkpoint, prompts, "
            "threshold or references have seen them."
        )
    return text
