import json
import os
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from zsad_core.errors import DataError, SettingError
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.facts import ScanFacts, scan_facts
from zsad_core.imaging.splits.making import Draw, checked_table, draw_folds
from zsad_core.imaging.splits.reading import read_folds
from zsad_core.imaging.splits.tables import Fold, SplitTable, check_table, patient_of
from zsad_core.types import DataSpec, Subject

DATA = DataSpec("brats", "/data/met")


def subjects_of(patients, points=2, site=lambda number: "AB"[number % 2]):
    """Time points of patients from sites."""
    return [
        Subject(f"BraTS-MET-{patient:05d}-{point:03d}", ("t2f",), True, site=site(patient))
        for patient in range(patients)
        for point in range(1 + patient % points)
    ]


def volumes_of(subjects, rng):
    return {one.id: ScanFacts(one.id, float(rng.choice([0, 1, 10, 100]))) for one in subjects}


@pytest.mark.parametrize("seed", range(20))
def test_every_draw_keeps_patients_and_copies_whole_and_takes_every_subject_once(seed):
    rng = np.random.default_rng(seed)
    subjects = subjects_of(int(rng.integers(8, 60)), points=3)
    facts = volumes_of(subjects, rng)
    copy, original = subjects[-1].id, subjects[0].id
    facts[copy] = replace(facts[copy], voxels=facts[original].voxels)
    draw = Draw((60, 10, 30), seed, balance=("site", "lesion-volume")[: seed % 3])
    draw = replace(draw, folds=1 + 3 * (seed % 2))
    folds = draw_folds(subjects, facts, draw)
    assert len(folds) == draw.folds
    for fold in folds:
        named = [*fold.train, *fold.validation, *fold.test]
        assert sorted(named) == sorted(one.id for one in subjects)
        part_of = fold.part_of()
        assert part_of[copy] == part_of[original]
        parts_of_patients = {}
        for name, part in part_of.items():
            assert parts_of_patients.setdefault(patient_of(name), part) == part
        assert all(names for _, names in fold.parts())
    assert len({fold.test for fold in folds}) == 1
    if draw.folds > 1:
        validated = sorted(name for fold in folds for name in fold.validation)
        assert validated == sorted({*folds[0].train, *folds[0].validation})
    check_table(
        SplitTable("main", folds),
        {one.id for one in subjects},
        {n: f.voxels for n, f in facts.items()},
    )
    assert draw_folds(list(reversed(subjects)), facts, draw) == folds


def test_shares_hold_within_each_site_and_size_of_lesion():
    subjects = subjects_of(400, points=1)
    rng = np.random.default_rng(3)
    facts = volumes_of(subjects, rng)
    (fold,) = draw_folds(subjects, facts, Draw((60, 10, 30), 0, balance=("site", "lesion-volume")))
    part_of = fold.part_of()
    for site in "AB":
        for volume in (0, 100):
            names = [o.id for o in subjects if o.site == site and facts[o.id].lesion_ml == volume]
            share = np.mean([part_of[name] == "test" for name in names])
            assert abs(share - 0.3) < 0.05
    assert draw_folds(subjects, facts, Draw(seed=1)) != draw_folds(subjects, facts, Draw(seed=2))


def test_a_site_stays_whole_where_that_is_asked_for():
    subjects = subjects_of(40, site=lambda number: f"site{number % 5}")
    (fold,) = draw_folds(subjects, {}, Draw((60, 20, 20), 0, by="site"))
    sites = {one.id: one.site for one in subjects}
    assert {len({sites[name] for name in names}) for _, names in fold.parts()} == {3, 1}


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (Draw((60, 10, 20)), "60/10/20 do not add up to 100"),
        (Draw((110, -10, 0)), "do not add up to 100"),
        (Draw((0, 0, 100)), "Nothing is left for training"),
        (Draw(folds=0), "0 folds cannot be made"),
        (Draw(folds=9), "cannot be divided into 9 parts"),
        (Draw(by="site"), "2 sites cannot be divided into 3 parts"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(draw, sentence):
    with pytest.raises(SettingError, match=sentence):
        draw_folds(subjects_of(8), {}, draw)


def test_subjects_with_a_problem_are_in_no_part():
    subjects = [*subjects_of(8), Subject("broken", ("t2f",), True, problem="It is cut off.")]
    (fold,) = draw_folds(subjects, {}, Draw())
    assert "broken" not in fold.part_of()


A0, A1, B0, C0 = (
    f"BraTS-GLI-{name}" for name in ("00001-000", "00001-001", "00002-000", "00003-000")
)
NAMES = {A0, A1, B0, C0}


@pytest.mark.parametrize(
    ("fold", "sentence"),
    [
        (Fold((A0,), (), (A1,)), rf"{A0} \(train\) and {A1} \(test\) are one patient"),
        (Fold((A0, B0), (B0,)), f"has {B0} in train and in validation"),
        (Fold((A0, "other")), "names 'other', which is no subject"),
        (Fold(), "names no subject"),
        (Fold((B0,), (C0,)), rf"{B0} \(train\) and {C0} \(validation\) are scans of equal voxels"),
    ],
)
def test_a_table_that_leaks_or_names_strangers_is_refused(fold, sentence):
    with pytest.raises(SettingError, match=sentence):
        check_table(SplitTable("main", (fold,)), NAMES, {B0: "same", C0: "same", A0: "another"})
    with pytest.raises(SettingError, match="cannot be used for a split"):
        check_table(SplitTable("../main", (Fold((A0,)),)), NAMES)


FILES = {
    "a.csv": f"Subject,Split\n{A0},training\n{B0},val\n{C0},TEST\n",
    "a.tsv": f"id\tset\n{A0}\ttrain\n{B0}\tvalidation\n{C0}\ttest\n{A1}\t\n",
    "parts.json": json.dumps({"train": [A0], "val": [B0], "test": [C0]}),
    "pairs.json": json.dumps({A0: "train", B0: "validation", C0: "test"}),
    "own.json": json.dumps(
        {"name": "x", "folds": [{"train": [A0], "validation": [B0], "test": [C0]}]}
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_others_are_read(tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    assert read_folds(tmp_path / name) == (Fold((A0,), (B0,), (C0,)),)


def test_folds_are_read_from_nnunet_and_from_numbers(tmp_path):
    (tmp_path / "splits_final.json").write_text(
        json.dumps([{"train": [A0, A1], "val": [B0]}, {"train": [B0], "val": [A0, A1]}])
    )
    assert read_folds(tmp_path / "splits_final.json") == (
        Fold((A0, A1), (B0,)),
        Fold((B0,), (A0, A1)),
    )
    (tmp_path / "folds.csv").write_text(f"case,fold\n{A0},0\n{A1},0\n{B0},1\n{C0},test\n")
    assert read_folds(tmp_path / "folds.csv") == (
        Fold((B0,), (A0, A1), (C0,)),
        Fold((A0, A1), (B0,), (C0,)),
    )


@pytest.mark.parametrize(
    "content",
    [
        *('{"train": 3}', "[]", "3", "[3]", '{"middle": ["a"]}', "{", "[" * 100_000, "\ufeff"),
        json.dumps([{"train": [1, 2]}]),
    ],
)
def test_other_json_is_a_sentence(tmp_path, content):
    path = tmp_path / "split.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"is no split .*; give a table with the columns"):
        read_folds(path)


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", "", "subject,split\n,train\n", "id,fold\na,0\nb,train\n"]
)
def test_other_tables_are_a_sentence(tmp_path, content):
    path = tmp_path / "split.csv"
    path.write_text(content)
    with pytest.raises(DataError, match="is no split"):
        read_folds(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_folds(tmp_path / "none.csv")


TABLE = SplitTable("main", (Fold((A0, A1), (B0,), (C0,)),), "drawn")


def test_splits_are_kept_for_their_data_alone(tmp_path):
    folds = SplitTable("cv", (Fold((A0,), (B0,)), Fold((B0,), (A0,))), "read")
    registry.save(DATA, TABLE)
    registry.save(DATA, folds)
    assert registry.tables(DATA) == (folds, TABLE)
    assert registry.tables(replace(DATA, kind="folder", split="main")) == (folds, TABLE)
    assert registry.tables(DataSpec("demo")) == ()
    assert registry.fold(replace(DATA, split="cv/2")) == folds.folds[1]
    assert registry.digest(replace(DATA, split="main")) == TABLE.folds[0].digest
    assert registry.digest(DATA) == ""
    with pytest.raises(SettingError, match="has no split 'old'; choose one of cv/1, cv/2, main"):
        registry.find(DATA, "old")
    with pytest.raises(SettingError, match="has no fold 'cv'"):
        registry.fold(replace(DATA, split="cv"))
    with pytest.raises(SettingError, match="has a split 'main' already"):
        registry.save(DATA, TABLE)
    changed = replace(TABLE, folds=(Fold((A0, A1), (C0,), (B0,)),))
    registry.save(DATA, changed, replaced=True)
    assert registry.find(DATA, "main") == changed
    registry.remove(DATA, "main")
    assert registry.tables(DATA) == (folds,)
    with pytest.raises(SettingError, match="uploaded scans are one user's own"):
        registry.save(DataSpec("upload", str(tmp_path)), TABLE)


def test_a_damaged_split_is_a_sentence(tmp_path):
    registry.save(DATA, TABLE)
    next((tmp_path / "home" / "splits").rglob("main.json")).write_text('{"format": "other"}')
    with pytest.raises(DataError, match=r"cannot be read .*correct it or delete it"):
        registry.tables(DATA)


def test_order_of_names_does_not_change_the_digest():
    assert Fold(("a", "b")).digest == Fold(("b", "a")).digest != Fold(("a",), ("b",)).digest


@pytest.fixture
def root(tmp_path):
    """Three BraTS cases; the last is a copy of the first with other bytes in its file."""
    rng = np.random.default_rng(0)
    scans = [rng.random((12, 12, 12)).astype(np.float32) for _ in range(2)]
    for name, values in zip(
        ("00001-000", "00002-000", "00009-000"), (*scans, scans[0]), strict=True
    ):
        folder = tmp_path / "data" / f"BraTS-MET-{name}"
        folder.mkdir(parents=True)
        image = nib.Nifti1Image(values, np.diag([2, 2, 2, 1]))
        image.header["descrip"] = name.encode()
        nib.save(image, folder / f"BraTS-MET-{name}-t2f.nii.gz")
        mask = np.zeros(values.shape, np.uint8)
        mask[:5, :5, :5] = 1
        nib.save(nib.Nifti1Image(mask, image.affine), folder / f"BraTS-MET-{name}-seg.nii.gz")
    return DataSpec("brats", str(tmp_path / "data"))


def test_copies_under_another_name_are_found_by_their_voxels(root):
    dataset = datasets.open_dataset(root)
    facts = scan_facts(dataset)
    first, second, copy = (one.id for one in dataset.subjects())
    assert facts[first].voxels == facts[copy].voxels != facts[second].voxels
    assert facts[first].lesion_ml == 1.0  # 125 voxels of 8 mm³
    with pytest.raises(SettingError, match=f"{first} .* and {copy} .* are scans of equal voxels"):
        check_table(
            SplitTable("main", (Fold((first, second), (), (copy,)),)),
            {first, second, copy},
            {name: fact.voxels for name, fact in facts.items()},
        )


def test_a_checked_split_keeps_which_scans_are_copies(root):
    first, second, copy = (one.id for one in datasets.open_dataset(root).subjects())
    folds = (Fold((second,), (first,)), Fold((second,), (copy,)))  # in two parts of none
    table, _ = checked_table(datasets.open_dataset(root), "cv", SplitTable("", folds, "read"))
    assert table == SplitTable("cv", folds, "read", ((first, copy),))
    registry.save(root, table)
    assert registry.table(replace(root, split="cv/1")) == table
    assert registry.table(root).folds == ()


def test_scans_are_read_once_until_their_files_change(root):
    dataset, subject = datasets.open_dataset(root), "BraTS-MET-00001-000"
    facts = scan_facts(dataset)
    path = dataset.file(subject, "t2f")
    state = path.stat()
    path.write_bytes(bytes(state.st_size))  # no scan any more
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert scan_facts(dataset) == facts
    os.utime(path)
    assert subject not in scan_facts(datasets.open_dataset(root))


def test_a_split_divides_the_data_and_leaves_out_whom_it_does_not_name(root):
    table = SplitTable("main", (Fold(("BraTS-MET-00001-000",), ("BraTS-MET-00002-000",)),))
    registry.save(root, table)
    divided = datasets.open_dataset(replace(root, split="main"))
    whole = datasets.open_dataset(root)
    assert [one.split for one in divided.subjects()] == ["train", "validation", "extra"]
    assert {one.split for one in whole.subjects()} == {""}
    assert divided.title == whole.title
    volumes = (data.load("BraTS-MET-00001-000", "t2f") for data in (divided, whole))
    assert len({volume.digest for volume in volumes}) == 1
    with pytest.raises(SettingError, match="has no split 'gone'"):
        datasets.open_dataset(replace(root, split="gone"))
