"""Comparison groups: rows that can be compared in one figure.

Of one group are rows of the same data and folder of scans, lesion labels, modality, plane,
threshold rule, split, and ranking (of values, or of the 256 levels of older rows).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import duckdb

from zsad_core.base.paths import root_name
from zsad_core.errors import SettingError
from zsad_core.metrics.threshold_rules import Fixed, Rule, Validation, rule_of
from zsad_core.types import DataSpec, Plane

AXES = ("modality", "plane", "threshold")
"""What may vary between the comparison groups of one figure, one at a time."""

THRESHOLD = f"""
    CASE WHEN threshold_rule <> '{Fixed.name}' THEN threshold_rule
         WHEN level IS NOT NULL THEN 'level ' || level
         WHEN threshold_note LIKE '%\\%%' ESCAPE '\\' THEN threshold_note
         ELSE 'value ' || threshold_value::FLOAT::VARCHAR END
    || CASE WHEN brain_only THEN '' ELSE ', outside the region too' END
    || CASE WHEN min_component_voxels > 0
       THEN ', components of ' || min_component_voxels || ' voxels' ELSE '' END
    || CASE WHEN ranked_on = 'values' THEN '' ELSE ', ranked on ' || ranked_on END
    || CASE WHEN labels <> '' THEN ', lesion labels ' || labels ELSE '' END
    || CASE WHEN split_digest <> ''
       THEN ', split ' || split_name || ' (' || split_digest[:8] || ')' ELSE '' END
"""


@dataclass(frozen=True)
class ComparisonGroup:
    """What the rows of one figure have in common.

    `threshold` is the rule in words, `root` the folder of the scans, "" for the demo, for uploads
    and for rows of version 5 and before, which do not name it.
    """

    data: str
    modality: str
    plane: Plane
    threshold: str
    root: str = ""

    @property
    def rule_text(self) -> str:
        """The threshold without the conditions of reading."""
        return rule_text(self.threshold)

    @property
    def rule(self) -> Rule:
        """The threshold rule."""
        return rule_of(self.rule_text)

    @property
    def conditions(self) -> tuple[str, ...]:
        """All but the threshold rule: groups of equal conditions differ in that alone."""
        return self.data, self.root, self.modality, self.plane, self.threshold.partition(", ")[2]

    def may_hold(self, data: DataSpec) -> bool:
        """Whether rows of a data set can be in the group, by its kind and the folder it names."""
        return self.data == data.kind and self.root in ("", root_name(data))

    def __str__(self) -> str:
        where = f"{self.data} {self.root}".strip()
        return f"{where}, {self.modality}, {self.plane}, threshold: {self.threshold}"

    def differing(self, other: "ComparisonGroup") -> list[str]:
        """Names of the fields in which two groups differ."""
        return [
            field.name
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]


def rule_text(threshold: str) -> str:
    """The words of a group's threshold without the conditions of reading."""
    return threshold.partition(", ")[0]


def neighbours(
    group: ComparisonGroup, groups: Sequence[ComparisonGroup]
) -> tuple[ComparisonGroup, ...]:
    """The groups that can be shown beside a group: those that differ from it in one of `AXES`."""
    return tuple(other for other in groups if group.differing(other) in [[axis] for axis in AXES])


def beside(
    group: ComparisonGroup, groups: Sequence[ComparisonGroup], requested: Sequence[str]
) -> tuple[ComparisonGroup, ...]:
    """The neighbours of a group that are asked for, each as AXIS=VALUE, or AXIS for every value.

    Of a threshold the rule is enough, such as "oracle"; rows read otherwise are not meant. Raises
    SettingError for another axis, and for a value that no group has.

    >>> t2f, t1c = (ComparisonGroup("demo", m, "axial", "oracle") for m in ("t2f", "t1c"))
    >>> beside(t2f, [t2f, t1c], ["modality=t1c"]) == (t1c,)
    True
    """
    pairs = [text.partition("=")[::2] for text in requested]
    for axis, value in pairs:
        if axis not in AXES:
            raise SettingError(f"'{axis}' is no axis of figures; choose {' or '.join(AXES)}.")
        values = sorted({getattr(entry, axis) for entry in groups})
        if value not in ("", *values, *(rule_text(name) for name in values if axis == "threshold")):
            raise SettingError(
                f"No row has the {axis} '{value}'; choose one of {'; '.join(values)}."
            )
    return tuple(
        other
        for other in neighbours(group, groups)
        if any(
            group.differing(other) == [axis] and _has(other, axis, value, group)
            for axis, value in pairs
        )
    )


def _has(other: ComparisonGroup, axis: str, value: str, group: ComparisonGroup) -> bool:
    """Whether a neighbour of a group has the value, or is read by that rule as the group is."""
    if value in ("", getattr(other, axis)):
        return True
    of_rule = axis == "threshold" and value == rule_text(other.threshold)
    return of_rule and other.conditions == group.conditions


def comparison_groups(rows: duckdb.DuckDBPyConnection) -> list[ComparisonGroup]:
    """The comparison groups, those with most rows first; among equals the validation rule."""
    groups = rows.execute(f"""
        SELECT data, modality, plane, threshold, root FROM (
            SELECT data, modality, plane, {THRESHOLD} AS threshold, root, count(*) AS number
            FROM subjects GROUP BY ALL
        ) ORDER BY
            number DESC, starts_with(threshold, '{Validation.name}') DESC,
            data, modality, plane, threshold, root
    """)
    return [ComparisonGroup(*row) for row in groups.fetchall()]


def comparison_group_of(rows: duckdb.DuckDBPyConnection, key: str) -> ComparisonGroup:
    """The comparison group of the row of `subjects` that has the key."""
    query = f"SELECT data, modality, plane, {THRESHOLD}, root FROM subjects WHERE key = ?"
    return ComparisonGroup(*rows.execute(query, [key]).fetchall()[0])
