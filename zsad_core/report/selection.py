"""Selections of an evaluation's rows: comparison groups, and what of them a user wants to see.

Of rows that differ only in when and where they were made (device, version, checkpoint) the newest
one counts.
"""

from dataclasses import astuple, dataclass, replace
from typing import Literal

import duckdb
import numpy as np
import pandas as pd

from zsad_core.base.wording import counted
from zsad_core.errors import DataError
from zsad_core.imaging.splits.tables import first_ids, patient_of
from zsad_core.methods import name_of
from zsad_core.metrics.dice import EmptySlices
from zsad_core.report.backbone_names import backbone_names
from zsad_core.report.comparison_groups import THRESHOLD, ComparisonGroup
from zsad_core.results.conventions import Which
from zsad_core.results.slice_sums import Centre
from zsad_core.types import DataSpec, MaskArray

ConfigurationName = tuple[str, str]
"""Setup and series of a configuration."""
Third = Literal["", "inferior", "middle", "superior"]
THIRDS: tuple[Third, ...] = ("inferior", "middle", "superior")
VOLUMES = ("lesion-free", "under 1 ml", "1 to 10 ml", "10 ml and more")
NUMBERS = ("no lesion over 2 mm³", "1 lesion", "2 to 4 lesions", "5 lesions and more")
SETUPS = ("industrial", "finetune", "brats", "pmc")  # the paper's, in its order; others after them
NO_SITE = "no folder"
FILTERS = {
    "series": "series",
    "setups": "setup",
    "backbones": "backbone",
    "subjects": "subject",
    "volumes": "volume",
    "numbers": "number",
    "sites": "site",
}
"""Columns of the rows by the fields of a `Selection` that limit them."""

_VOLUME = """
    CASE WHEN truth = 0 THEN 'lesion-free' WHEN truth_ml < 1 THEN 'under 1 ml'
         WHEN truth_ml < 10 THEN '1 to 10 ml' ELSE '10 ml and more' END
"""
_NUMBER = """
    CASE WHEN lesions = 0 THEN 'no lesion over 2 mm³' WHEN lesions = 1 THEN '1 lesion'
         WHEN lesions < 5 THEN '2 to 4 lesions' ELSE '5 lesions and more' END
"""
_ROWS = f"""
    WITH in_group AS (
        SELECT *, brats2023_missed AS missed, brats2023_true_positives + missed AS lesions
        FROM subjects WHERE (data, modality, plane, {THRESHOLD}, root) = (?, ?, ?, ?, ?)
    ), newest AS (
        SELECT key, method, setup, prompts, prompts_digest, prompts_tuned, subject, patient, split,
               coalesce(prompts_tuned, false) OR coalesce(len(exposure), 0) > 0 AS exposed,
               CASE site WHEN '' THEN '{NO_SITE}' ELSE site END AS site,
               {_VOLUME} AS volume, {_NUMBER} AS number, lesions, missed,
               CASE WHEN len(volumes) > 0 THEN to_json(volumes)::VARCHAR ELSE '' END AS beside,
               precision_of_features, device, batch, checkpoint_digest, weights_digest
        FROM in_group QUALIFY row_number() OVER (
            PARTITION BY method, setup, prompts_digest, weights_digest, site, subject
            ORDER BY date DESC, key) = 1
    ), sets AS (
        SELECT method, prompts_digest, CASE WHEN count(*) OVER (PARTITION BY method) > 1
               THEN ' (' || prompts || CASE WHEN count(*) OVER
               (PARTITION BY method, prompts) > 1 THEN ' ' || prompts_digest[:6] ELSE '' END || ')'
               ELSE '' END AS of_prompts
        FROM (SELECT DISTINCT method, prompts, prompts_digest FROM newest)
    ), backbones AS (
        SELECT method, setup, prompts_digest,
               count(DISTINCT weights_digest) > 1 AS several_backbones
        FROM subjects SEMI JOIN in_group USING (data, root) GROUP BY ALL
    )
    SELECT newest.*, sets.of_prompts, several_backbones FROM newest
    JOIN sets USING (method, prompts_digest) JOIN backbones USING (method, setup, prompts_digest)
    ORDER BY method, of_prompts, subject, site
"""


@dataclass(frozen=True)
class Selection:
    """Filters on the rows of a comparison group, and conventions; () and "" mean all.

    `empty` and `which` determine the slices in a mean, `centre` the origin of depth; `third` limits
    all numbers, also 3D Dice, to the slices of a third of the depth. `volumes` and `numbers` are
    groups of the subject's lesion volume and number of lesions, `sites` folders below the data's
    root. `others` are groups shown beside the first, in series of their own that name what differs,
    such as the modality. Rows of subjects that checkpoint, prompts, threshold or references have
    seen are left out unless `exposed`. `region` is what the scans show, for captions.
    """

    group: ComparisonGroup
    series: tuple[str, ...] = ()
    setups: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    third: Third = ""
    empty: EmptySlices = "lesion_only"
    which: Which = "all"
    centre: Centre = "middle"
    exposed: bool = False
    others: tuple[ComparisonGroup, ...] = ()
    region: str = DataSpec.region

    @property
    def groups(self) -> tuple[ComparisonGroup, ...]:
        """All groups whose rows are read."""
        return (self.group, *self.others)

    def values(self, field: str) -> tuple[str, ...]:
        """The values of a field of `ComparisonGroup` among the groups, each once."""
        return tuple(dict.fromkeys(str(getattr(group, field)) for group in self.groups))

    def words_of(self, group: ComparisonGroup) -> list[str]:
        """What tells one of the groups from the others; of a threshold the rule, if that does."""
        varied = [name for name in vars(group) if len(self.values(name)) > 1]
        by_rule = len({other.rule_text for other in self.groups}) == len(self.values("threshold"))
        return [
            group.rule_text if name == "threshold" and by_rule else getattr(group, name)
            for name in varied
        ]


def selected_rows(rows: duckdb.DuckDBPyConnection, selection: Selection) -> pd.DataFrame:
    """A row for each selected subject and configuration, `n` its number in the group.

    `series` is the method's name, with its prompt set where the rows hold several of that method,
    with what differs between the groups selected, and with its backbone where rows of the same data
    differ in that alone; `first_group` says whether a row is of `group`. `backbone` is its name, ""
    without one, as `backbone_names` finds it. `lesions` are those over 2 mm³ by the BraTS 2023
    rule, `missed` the ones that no predicted component touches, `beside` the unlabelled set of a
    method for whole volumes as JSON, else "". Raises DataError where nothing is left.
    """
    frames = []
    for group in selection.groups:
        in_group = rows.execute(_ROWS, list(astuple(group))).df()
        suffix = "".join(f", {words}" for words in selection.words_of(group))
        of_prompts = in_group.pop("of_prompts").astype(str)
        in_group["series"] = in_group["method"].map(name_of) + of_prompts + suffix
        frames.append(in_group.assign(first_group=group == selection.group))
    frame = pd.concat(frames, ignore_index=True)
    frame["backbone"] = backbone_names(frame)
    frame.loc[frame.pop("several_backbones"), "series"] += ", " + frame["backbone"]
    names = {*frame["setup"]}
    order = [setup for setup in SETUPS if setup in names] + sorted(names.difference(SETUPS))
    frame["setup"] = pd.Categorical(frame["setup"], order, ordered=True)
    frame["patient"] = patients(frame)
    frame = frame.sort_values("setup", kind="stable", ignore_index=True)
    return filter_rows(frame.assign(n=np.arange(len(frame), dtype=np.int32)), selection)


def patients(frame: pd.DataFrame) -> pd.Series:
    """The patient of each row of `subject`, one in all rows of a subject.

    Rows of older versions tell it by their id alone, and a copy may have become known later: who
    is one patient in any row is one in all.
    """
    of_subject = frame[["subject", "patient"]].drop_duplicates()
    older = of_subject["patient"] == ""
    of_subject.loc[older, "patient"] = of_subject.loc[older, "subject"].map(patient_of)
    several = of_subject[of_subject["subject"].duplicated(keep=False)]
    first = first_ids(several.groupby("subject")["patient"].agg(set))
    patient = of_subject["patient"].map(lambda name: first.get(name, name))
    return frame["subject"].map(dict(zip(of_subject["subject"], patient, strict=True)))


def filter_rows(frame: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """The rows of `selected_rows` in a selection; raises DataError if there are none."""
    remainder = frame[filter_mask(frame, selection)]
    if not remainder.empty:
        return remainder
    seen = int(filter_mask(frame, replace(selection, exposed=True)).sum())
    if seen:
        raise DataError(
            f"All {counted(seen, 'row')} of {selection.group} are of exposed subjects, whom "
            "checkpoint, prompts, threshold or references have seen; evaluate others, or include "
            "exposed rows."
        )
    raise DataError(f"No row of {selection.group} is left by these filters; widen one of them.")


def filter_mask(frame: pd.DataFrame, selection: Selection) -> MaskArray:
    """Whether each row of `selected_rows` is in a selection."""
    mask = np.full(len(frame), selection.exposed) | ~frame["exposed"].to_numpy(bool)
    for name, column in FILTERS.items():
        if values := getattr(selection, name):
            mask &= frame[column].isin(values).to_numpy()
    return mask


def left_out(frame: pd.DataFrame, selection: Selection) -> list[str]:
    """Subjects with rows of `selected_rows` that a selection leaves out as exposed alone."""
    everyone = filter_mask(frame, replace(selection, exposed=True))
    return sorted(frame.loc[everyone & ~filter_mask(frame, selection), "subject"].unique())
