"""What stands under every figure and table: data, threshold, empty slices, counts."""

import pandas as pd

from zsad_core.cohort.selection import Selection

EMPTY = {
    "lesion_only": "slices without lesion left out",
    "nan": "slices empty in truth and prediction left out, false alarms count 0",
    "both_empty_one": "slices empty in truth and prediction count 1, false alarms 0",
}
WHICH = {"all": "all slices", "brain": "slices with brain", "lesion": "slices with lesion"}
DATA = {"demo": "synthetic demo cohort", "demo-2mm": "synthetic demo cohort at 2 mm"}
FIGURE_1 = "3D Dice of each subject by method, one panel a setup."
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
LESIONS = "Lesions by volume under the BraTS 2023 rule; a missed lesion has Dice 0; whole depth."
VOLUMES = "Dice by lesion volume of the subject, mean ± sd over subjects."
THIRDS = "Dice by third of the depth, mean ± sd over subjects; 3D Dice of the slices in that third."


def of(found: pd.DataFrame, chosen: Selection) -> str:
    """Data, threshold rule, conventions, counts and provenance of rows that are `measured`."""
    sheet = chosen.sheet
    subjects, with_dice = found["subject"].nunique(), found.loc[found["dice_3d"].notna(), "subject"]
    splits = ", ".join(sorted({one or "no split" for one in found["split"]}))
    rule = sheet.threshold + (" (it saw the truth)" if sheet.threshold.startswith("oracle") else "")
    told = [
        f"Data: {DATA.get(sheet.data, sheet.data)}, {sheet.modality}, {sheet.plane}, {splits}",
        f"threshold: {rule}",
        f"mean 2D Dice over {WHICH[chosen.which]}, {EMPTY[chosen.empty]}",
        f"depth 0 is the {chosen.centre} of the brain",
        f"{subjects} subjects, {with_dice.nunique()} with a 3D Dice",
        f"{len(found.groupby(['setup', 'line'], observed=True))} runs",
        f"{int(found['slices'].sum())} slices in the means",
        _made_with(found),
    ]
    if chosen.third:
        told.append(f"{chosen.third} third of the depth alone")
    return "; ".join(told) + "." + _warnings(found)


def _made_with(found: pd.DataFrame) -> str:
    pairs = found[["precision_of_features", "device"]].drop_duplicates()
    return ", ".join(
        sorted(
            {f"{one or 'no tower'} on {device}" for one, device in pairs.itertuples(index=False)}
        )
    )


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
    return told + (f" {tuned} rows flatter: their truth chose the prompts." if tuned else "")
