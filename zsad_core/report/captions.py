"""What stands under every figure and table: data, threshold, empty slices, counts."""

import json

import pandas as pd

from zsad_core.base.palette import NAMES, Classes
from zsad_core.base.wording import counted
from zsad_core.metrics.dice import EMPTY_RULES
from zsad_core.report.samples import Pictures
from zsad_core.report.selection import Selection

WHICH = {"all": "all slices", "brain": "slices with brain", "lesion": "slices with lesion"}
DATA = {"demo": "synthetic demo cohort", "demo-2mm": "synthetic demo cohort at 2 mm"}
FIGURE_1 = "3D Dice of each subject by method, one panel a setup."
FAR_ONES = " Points: the subjects beyond 1.5 interquartile ranges alone."
FIGURE_2 = (
    "2D Dice of each subject's slices: box of the quartiles, whiskers to the farthest slice within "
    "1.5 interquartile ranges, slices beyond not drawn. Red cross: the subject's 3D Dice."
)
FIGURE_3 = (
    "Mean 2D Dice against normalised depth, -1 the most inferior and +1 the most superior slice of "
    "the brain. Yellow bars: slices with lesion of the run with most of them."
)
PAIRED = (
    "Setups of a method against each other on the subjects both have: Wilcoxon signed-rank test, "
    "two-sided, p corrected by Holm over all pairs of a measure, effect size rank-biserial "
    "correlation, above 0 where the first setup is better."
)
LESIONS = (
    "Lesions by volume under the BraTS 2023 rule; a missed lesion has Dice 0; a lesion lies at the "
    "depth of its largest slice."
)
GROUPED = {
    "volume": "Dice by lesion volume of the subject, mean ± sd over subjects.",
    "number": "Dice by number of lesions over 2 mm³ (BraTS 2023 rule), mean ± sd over subjects.",
    "third": "Dice by third of the depth, mean ± sd over subjects; 3D Dice of the slices in it.",
    "site": "Dice by folder below the data's root, mean ± sd over subjects.",
}
FAILURES = (
    "Failures of all subjects and by group. Missed: a lesion over 2 mm³ that no predicted "
    "component touches (BraTS 2023 rule); it lies in the third of its largest slice. False "
    "positive: a slice without lesion where anything is predicted."
)
FIGURE_4 = "Sample slices with the whole-tumour mask in yellow."
NAMED = 12  # volumes of a set that are named; of a larger one the others are counted


def figure_5(palette: Classes = "classic") -> str:
    """What Figure 5 shows, and in which colours."""
    hit, false, missed = NAMES[palette]
    return (
        f"Truth against prediction on grey slices: true positive {hit}, false positive {false}, "
        f"false negative {missed}, with the slice's Dice and the threshold."
    )


def of(found: pd.DataFrame, chosen: Selection) -> str:
    """Data, threshold rule, conventions, counts and provenance of rows that are `measured`."""
    sheet = chosen.sheet
    subjects, with_dice = found["subject"].nunique(), found.loc[found["dice_3d"].notna(), "subject"]
    runs = len(found.groupby(["setup", "line"], observed=True))
    splits = ", ".join(sorted({one or "no split" for one in found["split"].unique()}))
    oracle = " (uses the ground truth)" if sheet.threshold.startswith("oracle") else ""
    told = [
        f"Data: {DATA.get(sheet.data, sheet.data)}, {sheet.modality}, {sheet.plane}, {splits}",
        f"threshold: {sheet.threshold}{oracle}",
        f"mean 2D Dice over {_averaged(chosen)}",
        f"depth 0 is the {chosen.centre} of the brain",
        f"{counted(subjects, 'subject')}, {with_dice.nunique()} with a 3D Dice",
        counted(runs, "run"),
        f"{counted(int(found['slices'].sum()), 'slice')} in the means",
        _made_with(found),
    ]
    filters = (*chosen.volumes, *chosen.numbers, *chosen.sites, *chosen.subjects)
    if filters:
        told.append(f"only {', '.join(filters)}")
    if chosen.third:
        told.append(f"{chosen.third} third of the depth alone")
    return "; ".join(told) + "." + _beside(found) + _warnings(found)


def _averaged(chosen: Selection) -> str:
    """The slices of a mean, and what empty ones count in it."""
    if chosen.empty == "lesion_only":
        return WHICH["lesion"]
    return f"{WHICH[chosen.which]}, {EMPTY_RULES[chosen.empty].words}"


def _beside(found: pd.DataFrame) -> str:
    """The unlabelled set of each method that scores a volume against others."""
    told = ""
    for line, of_line in found[found["beside"] != ""].groupby("line"):
        sets = of_line["beside"].map(lambda one: frozenset(json.loads(one)))
        names = sorted(frozenset().union(*sets))
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        rows = zip(sets, of_line["subject"], strict=True)
        even = all(one == set(names) - {subject} for one, subject in rows)
        told += (
            f" {line} scored each subject against the unlabelled set {', '.join(names[:NAMED])}"
            f"{more}, {'itself excluded' if even else 'not always all of it'}."
        )
    return told


def of_sample(found: Pictures) -> str:
    """By which rule subject and slices of Figures 4 and 5 were taken, and which they are."""
    sample = found.sample
    runs = "finetune and brats" if sample.finetuned else "all runs, none finetuned on BraTS"
    which = "both sides" if sample.both_sides else "one side alone, none having both,"
    named = ", ".join(f"({'ab'[i]}) slice {one.index + 1}" for i, one in enumerate(sample.places))
    return (
        f"Subject {sample.subject}, with the median 3D Dice ({sample.dice:.3f}, mean over {runs}) "
        f"among {counted(sample.subjects, 'subject')} with lesion on {which} of depth 0; of each "
        f"side the slice with most lesion: {named}, counted from the bottom."
    )


def not_drawn(found: Pictures) -> str:
    """The runs whose map is not here, each with the reason; "" where all are."""
    told = "; ".join(f"{line} {setup}: {why}" for (setup, line), why in found.missing.items())
    return f" Not drawn: {told.removesuffix('.')}." if told else ""


def _made_with(found: pd.DataFrame) -> str:
    """Precision of features, where there are any, and device of the rows."""
    pairs = found[["precision_of_features", "device"]].drop_duplicates()
    parts = {
        text for one, device in pairs.itertuples(index=False) for text in (one, device.upper())
    }
    return ", ".join(sorted(filter(None, parts), key=str.isupper))


def _warnings(found: pd.DataFrame) -> str:
    """Runs that mix weights or checkpoints, and prompts that saw a subject's truth."""
    runs = found.groupby(["setup", "line"], observed=True)
    mixed = (runs[["checkpoint_digest", "weights_digest"]].nunique() > 1).any(axis=1)
    names = [f"{line} {setup}" for setup, line in mixed.index[mixed]]
    told = f" Mixed weights: {', '.join(names)}." if names else ""
    uneven = runs["subject"].nunique()
    if uneven.nunique() > 1:
        told += f" Runs cover {uneven.min()} to {uneven.max()} subjects."
    tuned = int(found["prompts_tuned"].sum())
    if tuned:
        told += f" {counted(tuned, 'row')} optimistic: their ground truth chose the prompts."
    return told
