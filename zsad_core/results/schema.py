"""What the rows of an evaluation hold: four tables, each column with its type and a sentence.

`docs/results.md` is this file as a page. A new column is added at the end and raises `VERSION`;
a column never changes its meaning.
"""

import pyarrow as pa

VERSION = 7
READ = (2, 3, 4, 5, 6, 7)  # versions whose rows are read
RANKED, RANKED_BEFORE = "values", "256 levels"  # in `ranked_on`
Columns = dict[str, tuple[pa.DataType, str]]
TEXT, COUNT, NUMBER, YES = pa.string(), pa.int64(), pa.float64(), pa.bool_()
NUMBERS, FLAGS, COUNTS = pa.list_(NUMBER), pa.list_(YES), pa.list_(pa.int32())
TEXTS, VALUES = pa.list_(TEXT), pa.list_(pa.float32())

_LESIONS: Columns = {
    f"{rule}_{name}": (kind, text.format(year))
    for rule, year in (("brats2023", "the 2023 rule"), ("brats2025", "the 2025/26 rule"))
    for name, kind, text in (
        ("dice", NUMBER, "Lesion-wise Dice by {}."),
        ("nsd", NUMBER, "Lesion-wise NSD by {}."),
        ("hd95_mm", NUMBER, "Lesion-wise HD95 by {}, misses at its penalty."),
        ("true_positives", COUNT, "Kept lesions that were found, by {}."),
        ("false_positives", COUNT, "Predicted components that belong to no lesion, by {}."),
        ("missed", COUNT, "Kept lesions that were not found, by {}."),
        ("f1", NUMBER, "F1 of these three counts; empty where all are 0."),
        ("small_true_positives", COUNT, "Lesions under 20 mm³ with Dice of 0.1 or more, by {}."),
        ("small_missed", COUNT, "Lesions under 20 mm³ with less, by {}."),
        ("small_f1", NUMBER, "F1 of the small lesions and all false positives; empty without any."),
        ("lesion_mm3", NUMBERS, "Volume of each lesion by {}, also of those it drops."),
        ("lesion_found", FLAGS, "Whether a component was found for each lesion, by {}."),
        ("lesion_dice", NUMBERS, "Dice of each lesion by {}; 0 where missed."),
        ("lesion_nsd", NUMBERS, "NSD of each lesion by {}; 0 where missed."),
        ("lesion_hd95_mm", NUMBERS, "HD95 of each lesion by {}; infinite where missed."),
    )
}

SUBJECTS: Columns = {
    "key": (TEXT, "Names the row; the same work gives the same key."),
    "map": (TEXT, "Names the map the row was read from; joins `curves` and `levels`."),
    "schema": (COUNT, "Version of this table."),
    "data": (TEXT, "Kind of data set: demo, demo-2mm, brats, folder."),
    "site": (TEXT, "First folder below the root; empty where scans lie directly there."),
    "subject": (TEXT, "Id of the subject."),
    "split": (TEXT, "train, validation, test, extra, or empty where the data have no splits."),
    "modality": (TEXT, "Contrast of the scan."),
    "plane": (TEXT, "Plane of the slices."),
    "method": (TEXT, "Registered name of the method."),
    "setup": (TEXT, "Training setup."),
    "prompts": (TEXT, "Name of the prompt set; empty for a method that reads none."),
    "prompts_digest": (TEXT, "Digest of its texts, templates and class name."),
    "prompts_tuned": (YES, "Whether this subject's truth chose the prompts: its numbers flatter."),
    "volumes": (TEXTS, "Subjects that a method for whole volumes scored it against; else none."),
    "threshold_rule": (
        TEXT,
        "validation, cross-validation, fp:…ml (false positives allowed), share:…% (of the brain), "
        "components (stable number), oracle (it saw the truth) or fixed.",
    ),
    "threshold_note": (TEXT, "What the level was tuned on."),
    "level": (COUNT, "Rows of version 2 alone: the threshold on an even grid of 256 levels."),
    "threshold_value": (
        NUMBER,
        "The threshold in the method's own range, held to float32; a voxel at or above it is "
        "predicted.",
    ),
    "brain_only": (YES, "Whether predictions outside the brain were taken away."),
    "min_component_voxels": (COUNT, "Predicted components of fewer voxels were taken away."),
    "slices": (COUNT, "Slices of the volume; for the rule that counts empty ones."),
    "brain_slices": (COUNT, "Slices with brain."),
    "lesion_slices": (COUNT, "Slices with lesion."),
    "voxel_ml": (NUMBER, "Volume of a voxel in ml."),
    "brain": (COUNT, "Voxels of brain."),
    "truth": (COUNT, "Voxels of lesion in the truth, wherever they lie."),
    "truth_in_brain": (COUNT, "Those of them inside the brain."),
    "predicted": (COUNT, "Voxels predicted."),
    "overlap": (COUNT, "Voxels in both."),
    "dice_3d": (NUMBER, "3D Dice; empty without lesion."),
    "dice_2d": (NUMBER, "Mean 2D Dice over lesion slices; empty without lesion."),
    "precision": (NUMBER, "Overlap of predicted; empty where nothing is predicted."),
    "recall": (NUMBER, "Overlap of truth; empty without lesion."),
    "truth_ml": (NUMBER, "Lesion volume in ml."),
    "predicted_ml": (NUMBER, "Predicted volume in ml."),
    "volume_difference_ml": (NUMBER, "Predicted minus truth in ml."),
    "hd95_mm": (NUMBER, "HD95 of the whole masks; infinite if one is empty, empty if both are."),
    "nsd_1mm": (NUMBER, "NSD of the whole masks at 1 mm; 0 if one is empty, empty if both are."),
    "best_dice": (NUMBER, "3D Dice at the best threshold, an oracle; empty without lesion."),
    "best_level": (COUNT, "Rows of version 2 alone: that threshold as a level."),
    "auroc": (NUMBER, "AUROC of voxels in the brain; empty without both classes."),
    "ap": (NUMBER, "Average precision of voxels in the brain; empty without lesion."),
    "pro": (NUMBER, "PRO of lesion regions in slices up to a false-positive rate of 0.3."),
    "slice_auroc": (NUMBER, "AUROC of slice scores over brain slices; empty without both kinds."),
    "slice_ap": (NUMBER, "Average precision of slice scores; empty without lesion slice."),
    **_LESIONS,
    "version": (TEXT, "Version of the project."),
    "python": (TEXT, "Version of Python."),
    "numpy": (TEXT, "Version of NumPy."),
    "torch": (TEXT, "Version of torch."),
    "device": (TEXT, "cpu or cuda."),
    "device_name": (TEXT, "Name of the processor or GPU."),
    "precision_of_features": (TEXT, "float32 or bfloat16; empty without a tower."),
    "batch": (COUNT, "Slices encoded at once; last digits of AdaCLIP depend on it."),
    "scan_digest": (TEXT, "SHA-256 of the files read."),
    "checkpoint_digest": (TEXT, "SHA-256 of the learned part; empty where nothing is learned."),
    "weights_digest": (TEXT, "Digest of the backbone; empty without a tower."),
    "date": (TEXT, "When the row was made, UTC."),
    "seconds_encode": (NUMBER, "Time of encoding; 0 where the features were stored."),
    "seconds_read": (NUMBER, "Time of map and metrics."),
    "brats2023_lesion_slice": (COUNTS, "Slice where each lesion is largest, by the 2023 rule."),
    "ranked_on": (
        TEXT,
        "What AUROC, AP, PRO and the best Dice ranked: the map's float32 values, or the 256 levels "
        "of version 2, which put half of a saturated map into one.",
    ),
    "best_threshold": (NUMBER, "The threshold of the best Dice; empty without lesion."),
    "range_high": (NUMBER, "End of the method's range, which begins at 0."),
    "map_notes": (
        TEXTS,
        "What is said of the map and its scan: a mask ranks nothing, a file was resampled, a head "
        "has its skull.",
    ),
    "split_name": (TEXT, "The split in use; empty without one, and for the demo's own."),
    "split_digest": (TEXT, "SHA-256 of its parts: rows of different splits are not compared."),
    "exposure": (
        TEXTS,
        "What is known to have seen the subject, its copy or its patient: checkpoint, prompts, "
        "threshold, reference slices or set; also references from outside train. Such rows flatter "
        "and are left out of means, figures and tests.",
    ),
    "labels": (
        TEXT,
        "The labels that were chosen as the lesion, such as 1,2,4; empty for those that the data "
        "name themselves. Rows of different labels are not compared.",
    ),
    "root": (
        TEXT,
        "Name of the folder of the scans, with the first digits of the SHA-256 of its path; empty "
        "for the demo and for uploads. Rows of different folders are not compared.",
    ),
    "patient": (
        TEXT,
        "The patient, by the subject's id; patients whose scans the split knows to be copies of "
        "each other are one. Intervals and tests are over patients; who is one in any of the rows "
        "that are read together is one in all.",
    ),
}

SLICES: Columns = {
    "key": (TEXT, "The row of `subjects` that the slice belongs to."),
    "index": (COUNT, "Index of the slice from the bottom of the volume."),
    "depth_middle": (NUMBER, "Depth from -1 to 1, 0 the middle of the brain; empty without brain."),
    "depth_centroid": (NUMBER, "The same with 0 at the centroid of the brain."),
    "brain": (COUNT, "Pixels of brain."),
    "truth": (COUNT, "Pixels of lesion."),
    "predicted": (COUNT, "Pixels predicted."),
    "overlap": (COUNT, "Pixels in both: every 2D Dice follows from these three."),
    "dice": (NUMBER, "2D Dice; empty in a slice without lesion."),
    "auroc": (NUMBER, "AUROC of pixels in the brain; empty without both classes."),
    "ap": (NUMBER, "Average precision of pixels in the brain; empty without lesion."),
    "score": (NUMBER, "The method's score of the slice; empty without brain."),
}

CURVES: Columns = {
    "map": (TEXT, "The map; joins `subjects`."),
    "truth": (COUNT, "Lesion voxels, wherever they lie."),
    "threshold": (VALUES, "Thresholds in ascending order; Dice moves by 5e-5 between neighbours."),
    "lesion": (COUNTS, "Lesion voxels in the brain at or above each threshold."),
    "healthy": (COUNTS, "Healthy voxels of the brain at or above each threshold."),
    "levels_from": (VALUES, "256 thresholds, from 0, at which the levels of `levels` begin."),
}

LEVELS: Columns = {
    "map": (TEXT, "The map; joins `subjects`."),
    "index": (COUNT, "Index of the slice from the bottom; slices without brain are left out."),
    "healthy": (COUNTS, "Healthy brain pixels at each level: from its threshold to the next."),
    "lesion": (COUNTS, "Lesion pixels in the brain at each level."),
    "outside": (COUNT, "Lesion pixels outside the brain, which no threshold reaches."),
}

TABLES: dict[str, Columns] = {
    "subjects": SUBJECTS,
    "slices": SLICES,
    "curves": CURVES,
    "levels": LEVELS,
}
KEYS = {"subjects": "key", "slices": "key", "curves": "map", "levels": "map"}
"""The column that names the part of a row."""


def schema_of(table: str) -> pa.Schema:
    """The Arrow schema of a table; its fields carry their sentences, its metadata the version."""
    fields = [
        pa.field(name, kind, metadata={"doc": text}) for name, (kind, text) in TABLES[table].items()
    ]
    return pa.schema(fields, metadata={"zsad_schema": str(VERSION)})


def as_markdown() -> str:
    """All tables with their columns, for `docs/results.md`."""
    lines = [HEAD.format(version=VERSION)]
    for table, columns in TABLES.items():
        lines += [f"\n## {table}\n", "| column | type | |", "|---|---|---|"]
        lines += [f"| `{name}` | {kind} | {text} |" for name, (kind, text) in columns.items()]
    return "\n".join(lines) + "\n"


HEAD = """# Rows of an evaluation, version {version}

`zsad evaluate … --out DIR` appends Parquet parts under `DIR/subjects`, `DIR/slices`,
`DIR/curves` and `DIR/levels`. Read them with `with zsad_core.results.parquet.connect(Path(DIR)) as
rows`, a DuckDB connection with a view for each, or as CSV:
`zsad export --results DIR --out FOLDER`.

What can be chosen after the fact, without computing a map again:

- the empty-slice rule, and whether all slices, brain slices or lesion slices enter the mean: from
  `truth`, `predicted` and `overlap` of each slice (`zsad_core.results.conventions`);
- 3D Dice of lesion-free subjects, from the same counts of `subjects`;
- the centre of the brain: both depths stand in each slice;
- what an infinite or undefined HD95 counts as: `hd95_mm` is kept as it is;
- lesion-wise scores by another smallest volume, overlap or penalty: each lesion is listed;
- another threshold, an oracle over the whole cohort, or one tuned on other subjects: 3D Dice at any
  threshold follows from `curves`, within 5e-5 and exactly at the thresholds listed; 2D Dice,
  precision and recall of every slice from `levels`, exactly at the 256 thresholds of each map
  (`conventions.at_threshold` says which it took). Both are inside the brain and without component
  filter. Surface and lesion-wise metrics need the mask, so another threshold for them is another
  `evaluate`, which takes stored features.

Rows of version 2 are read too. Their AUROC, AP, PRO and best Dice were ranked on 256 even levels of
the range, and `ranked_on` says so; they stand in figures and tables of their own. Their thresholds
are levels: a voxel was predicted from `(level - 0.5) / 255` of the range on. Their `histograms` are
left where they are and not read.

An evaluation ends by joining the parts of each table in one file, `merged-NUMBER.parquet`. Beside
that of `slices` lie its sums by depth, `merged-NUMBER.middle-3` and `merged-NUMBER.centroid-3`,
named by the centre that depth 0 means and by their format: Parquet too, read through the views
`depths_middle` and `depths_centroid`. They can be removed: the views then add up the slices
themselves.

An oracle threshold saw the truth. What is undefined is empty (NULL), never 0; an HD95 to an empty
mask is infinite."""
