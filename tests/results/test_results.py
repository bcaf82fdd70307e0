"""Parts on disk: whole or not there, each row once, whoever writes at the same time."""

import multiprocessing
import threading
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.refusing_disks import no_room
from tests.helpers.rows import row
from zsad_core.errors import DataError, StorageError
from zsad_core.results import merging, slice_sums
from zsad_core.results import parquet as results
from zsad_core.results import schema as result_schema


def subjects(root):
    with results.connect(root) as rows:
        return rows.sql("SELECT key, dice_3d FROM subjects ORDER BY key").fetchall()


def test_rows_come_back_and_what_is_undefined_is_null(tmp_path):
    one = row("subjects", key="a", dice_3d=float("nan"), hd95_mm=float("inf"), best_threshold=None)
    one |= {"brats2023_lesion_hd95_mm": [1.0, float("inf")]}
    results.append(tmp_path, "subjects", "a", [one])
    with results.connect(tmp_path) as rows:
        told = "dice_3d, hd95_mm, best_threshold, brats2023_lesion_hd95_mm"
        found = rows.execute(f"SELECT {told} FROM subjects").fetchone()
    assert found == (None, float("inf"), None, [1.0, float("inf")])


def test_a_key_written_twice_is_one_row(tmp_path):
    for dice in (0.1, 0.2):
        results.append(tmp_path, "subjects", "a", [row("subjects", key="a", dice_3d=dice)])
    assert subjects(tmp_path) == [("a", 0.2)]
    assert results.known(tmp_path) == {"a"}


def test_an_empty_part_is_known_and_holds_no_row(tmp_path):
    results.append(tmp_path, "subjects", "healthy", [])
    assert results.known(tmp_path) == {"healthy"}
    assert subjects(tmp_path) == []


def test_columns_must_be_those_of_the_table(tmp_path):
    with pytest.raises(ValueError, match=r"columns of subjects .*'dice_4d'"):
        results.append(tmp_path, "subjects", "a", [row("subjects", dice_4d=1)])
    lacking = row("slices")
    del lacking["depth_middle"]
    with pytest.raises(ValueError, match="depth_middle"):
        results.append(tmp_path, "slices", "a", [lacking])
    assert not list(tmp_path.rglob("*.parquet"))


def test_merging_keeps_every_row_once_and_lets_more_come(tmp_path):
    for key in "abc":
        results.append(tmp_path, "subjects", key, [row("subjects", key=key)])
        results.append(tmp_path, "slices", key, [row("slices", key=key, index=i) for i in range(5)])
    before = subjects(tmp_path)
    merging.merge(tmp_path)
    assert subjects(tmp_path) == before
    assert len(results.files(tmp_path, "subjects")) == 1
    results.append(tmp_path, "subjects", "b", [row("subjects", key="b", dice_3d=9.0)])  # known
    results.append(tmp_path, "subjects", "d", [row("subjects", key="d")])
    assert [key for key, _ in subjects(tmp_path)] == ["a", "b", "c", "d"]
    assert results.known(tmp_path) == set("abcd")
    merging.merge(tmp_path)
    assert [key for key, _ in subjects(tmp_path)] == ["a", "b", "c", "d"]
    with results.connect(tmp_path) as rows:
        assert rows.execute("SELECT count(*) FROM slices").fetchone() == (15,)


@pytest.mark.usefixtures("_nobody_reads_on")
def test_what_is_there_is_known_by_its_key_before_and_after_merges(tmp_path):
    for merged, key in enumerate("abc"):
        assert not results.exists(tmp_path, "subjects", key)
        results.append(tmp_path, "subjects", key, [row("subjects", key=key)])
        assert results.exists(tmp_path, "subjects", key)
        merging.merge(tmp_path)
        for old in "abc"[: merged + 1]:
            assert results.exists(tmp_path, "subjects", old)
    left = {path.stem for path in (tmp_path / "subjects").iterdir()}
    assert "a" not in left  # told by the merged file alone


def test_a_reader_keeps_what_it_opened_while_parts_are_joined(tmp_path):
    for key in "abc":
        results.append(tmp_path, "subjects", key, [row("subjects", key=key)])
    with results.connect(tmp_path) as rows:
        merging.merge(tmp_path)
        assert rows.execute("SELECT count(*) FROM subjects").fetchone() == (3,)


@pytest.fixture
def _nobody_reads_on(monkeypatch):
    monkeypatch.setattr(merging, "READ_ON_S", -1.0)


@pytest.mark.usefixtures("_nobody_reads_on")
def test_what_a_merge_replaced_goes_with_a_later_one(tmp_path):
    for key in "ab":
        results.append(tmp_path, "subjects", key, [row("subjects", key=key)])
    merging.merge(tmp_path)
    results.append(tmp_path, "subjects", "c", [row("subjects", key="c")])
    merging.merge(tmp_path)
    names = sorted(path.name for path in (tmp_path / "subjects").iterdir())
    assert names == ["c.parquet", "merged-000001.parquet", "merged-000002.parquet"]


def test_a_write_that_fails_leaves_nothing(tmp_path):
    with no_room(), pytest.raises(StorageError, match="cannot be written"):
        results.append(tmp_path, "subjects", "a", [row("subjects", key="a")])
    assert results.known(tmp_path) == set()
    assert not list((tmp_path / "subjects").iterdir())


def write_many(root, name):
    for number in range(15):
        for key in (f"{name}-{number:02d}", f"shared-{number:02d}"):
            results.append(Path(root), "subjects", key, [row("subjects", key=key)])
        if number % 5 == 4:
            merging.merge(Path(root))


@pytest.mark.slow
def test_writers_at_once_do_not_disturb_each_other(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(str(tmp_path), n)) for n in "ab"]
    for writer in writers:
        writer.start()
    own = threading.Thread(target=write_many, args=(tmp_path, "c"))
    own.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    own.join()
    merging.merge(tmp_path)
    keys = [key for key, _ in subjects(tmp_path)]
    names = ("a", "b", "c", "shared")
    assert keys == [f"{name}-{n:02d}" for name in names for n in range(15)]


def test_rows_of_another_version_are_refused(tmp_path):
    results.append(tmp_path, "subjects", "a", [row("subjects", key="a")])
    path = tmp_path / "subjects" / "a.parquet"
    other = pq.read_table(path).replace_schema_metadata({"zsad_schema": "0"})
    pq.write_table(other, path)
    with pytest.raises(DataError, match="rows of version 0, and this is version 7"):
        results.opened(tmp_path)


SPLIT = ["split_name", "split_digest", "exposure", "labels", "root", "patient"]
LATER = {
    "2": ["ranked_on", "best_threshold", "range_high", "map_notes", *SPLIT],
    "3": SPLIT,
    "4": ["labels", "root", "patient"],
    "5": ["root", "patient"],
    "6": ["patient"],
}


def older(root, key, version, **values):
    """A row of subjects as an older version kept it: without the columns that came later."""
    results.append(root, "subjects", key, [row("subjects", key=key, **values)])
    path = root / "subjects" / f"{key}.parquet"
    table = pq.read_table(path).drop_columns(LATER[version])
    pq.write_table(table.replace_schema_metadata({"zsad_schema": version}), path)


@pytest.mark.parametrize("merged", [False, True])
def test_rows_of_older_versions_are_read_and_say_what_was_ranked(tmp_path, merged):
    for key in ("b", "c"):
        older(tmp_path, key, "2", level=90, threshold_value=90 / 255, auroc=0.7)
    older(tmp_path, "d", "3", auroc=0.8, ranked_on="values", best_threshold=0.5)
    older(tmp_path, "e", "4", auroc=0.8, ranked_on="values", split_digest="9f")
    new = row("subjects", key="a", auroc=0.9, ranked_on="values", best_threshold=0.25)
    results.append(tmp_path, "subjects", "a", [new])
    if merged:
        merging.merge(tmp_path)
        assert len(results.files(tmp_path, "subjects")) == 1
    asked = (
        "SELECT key, level, auroc, ranked_on, best_threshold, split_digest, labels "
        "FROM subjects ORDER BY key"
    )
    with results.connect(tmp_path) as rows:
        found = rows.sql(asked).fetchall()
    assert found == [
        ("a", None, 0.9, "values", 0.25, "", ""),
        ("b", 90, 0.7, "256 levels", None, "", ""),
        ("c", 90, 0.7, "256 levels", None, "", ""),
        ("d", None, 0.8, "values", 0.5, "", ""),
        ("e", None, 0.8, "values", 0.0, "9f", ""),
    ]
    assert results.known(tmp_path) == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize("merged", [False, True])
def test_a_part_is_read_by_its_key(tmp_path, merged):
    for key in ("a", "b"):
        results.append(tmp_path, "curves", key, [row("curves", map=key, threshold=[0.5, 1.0])])
    if merged:
        merging.merge(tmp_path)
        merging.merge(tmp_path)
        (tmp_path / "curves" / "a.parquet").unlink(missing_ok=True)
    (found,) = results.read(tmp_path, "curves", "a")
    assert (found["map"], found["threshold"]) == ("a", [0.5, 1.0])


def test_a_damaged_part_is_named(tmp_path):
    results.append(tmp_path, "subjects", "a", [row("subjects", key="a")])
    path = tmp_path / "subjects" / "a.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"a\.parquet' is no Parquet file that can be read"):
        results.opened(tmp_path)


def test_export_writes_lists_as_json(tmp_path):
    one = row("subjects", key="a", subject="S1", brats2025_lesion_mm3=[3.5, 40.0])
    results.append(tmp_path / "rows", "subjects", "a", [one])
    results.append(tmp_path / "rows", "slices", "a", [row("slices", key="a")])
    paths = results.export_csv(tmp_path / "rows", tmp_path / "csv")
    assert [path.name for path in paths] == ["subjects.csv", "slices.csv"]
    text = paths[0].read_text("utf-8-sig")
    assert text.splitlines()[0].split(",")[:3] == ["key", "map", "schema"]
    assert paths[0].read_bytes().startswith(b"\xef\xbb\xbfkey,")  # so that Excel reads UTF-8
    assert '"[3.5,40.0]"' in text
    assert paths[1].read_text().count("\n") == 2


def test_an_exported_text_is_no_formula(tmp_path):
    names = ["=1+1", "+a", "-b", "@c", "\t=d", "e-f", "ß日本"]
    for key, name in zip("abcdefg", names, strict=True):
        results.append(tmp_path, "subjects", key, [row("subjects", key=key, subject=name, ap=-0.5)])
    path, _ = results.export_csv(tmp_path, tmp_path / "csv")
    table = pd.read_csv(path)
    assert table["key"].tolist() == list("abcdefg")
    assert table["subject"].tolist() == [f"'{name}" for name in names[:5]] + names[5:]
    assert set(table["ap"]) == {-0.5}


def test_export_without_rows_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="run zsad evaluate"):
        results.export_csv(tmp_path, tmp_path / "csv")


def test_the_page_of_columns_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "results.md"
    assert page.read_text() == result_schema.as_markdown()


@pytest.mark.usefixtures("_nobody_reads_on")
@pytest.mark.parametrize("centre", slice_sums.CENTRES)
def test_sums_by_depth_are_kept_with_a_merge_and_made_of_later_parts(tmp_path, centre):
    def put(key):
        made = [
            row("slices", key=key, index=i, depth_middle=d, depth_centroid=d, truth=2, overlap=1)
            for i, d in enumerate((-0.88, -0.88, 0.83, None))  # the last has no brain
        ]
        results.append(tmp_path, "slices", key, made)

    def sums():
        told = f"FROM depths_{centre} ORDER BY key, third"
        with results.connect(tmp_path) as rows:
            return rows.sql(f"SELECT key, bin, third, truth, lesion, dice {told}").fetchall()

    each = [(-1, -1, 2, 1, 1.0), (1, 0, 4, 2, 2.0), (18, 2, 2, 1, 1.0)]
    put("a")
    put("b")
    merging.merge(tmp_path)
    kept = list((tmp_path / "slices").glob(f"*.{centre}-*"))
    assert len(kept) == 1
    assert pq.read_schema(kept[0]).names == slice_sums.SCHEMA.names
    put("c")
    assert sums() == [(key, *one) for key in "abc" for one in each]
    kept[0].unlink()
    assert sums() == [(key, *one) for key in "abc" for one in each]
    for key in "de":
        merging.merge(tmp_path)
        put(key)
    merging.merge(tmp_path)
    kept = list((tmp_path / "slices").glob(f"*.{centre}-*"))
    assert len(kept) == 2  # the last and its forerunner
    assert sums() == [(key, *one) for key in "abcde" for one in each]


def evaluated(root, key):
    """What an evaluation of one subject leaves."""
    for table in ("curves", "slices", "subjects"):
        named = {"map": key} if table == "curves" else {"key": key}
        results.append(root, table, key, [row(table, **named)])
    merging.merge(root)


def test_a_reader_keeps_what_it_opened_through_many_merges(tmp_path):
    for number in range(2):
        evaluated(tmp_path, f"k{number}")
    with results.connect(tmp_path) as rows:
        for number in range(2, 6):
            assert rows.execute("SELECT count(*) FROM slices").fetchone() == (2,)
            evaluated(tmp_path, f"k{number}")
    assert len(results.known(tmp_path)) == 6


def rewritten(path, change):
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


def text(table):
    at = table.schema.get_field_index("truth")
    return table.set_column(at, "truth", pa.array(["x"] * len(table)))


def flipped(path):
    content = bytearray(path.read_bytes())
    content[40] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: rewritten(path, lambda t: t.drop_columns(["depth_middle"])), "no column as"),
        (lambda path: rewritten(path, text), "has string as truth"),
        (flipped, "cannot be read"),
        (lambda path: path.write_bytes(b"PAR1"), "no Parquet file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "no Parquet file"),
    ],
)
def test_a_damaged_or_foreign_file_is_named(tmp_path, damage, words):
    for number in range(3):
        evaluated(tmp_path, f"k{number}")
    damage(max((tmp_path / "slices").glob("merged-*.parquet")))
    for path in (tmp_path / "slices").glob("*-[0-9]"):
        path.unlink()
    with pytest.raises(DataError, match=words), results.connect(tmp_path) as rows:
        rows.execute("FROM slices").fetchall()
    with pytest.raises(DataError, match=words):
        results.export_csv(tmp_path, tmp_path / "csv")
    assert not list((tmp_path / "csv").glob(".*"))


@pytest.mark.parametrize("content", [b"PAR1", b""])
def test_sums_that_cannot_be_read_are_made_again(tmp_path, content):
    for number in range(2):
        evaluated(tmp_path, f"k{number}")
    last = max((tmp_path / "slices").glob("merged-*.parquet"))
    sums = slice_sums.sums_path(last, "middle")
    before = sums.read_bytes()
    sums.write_bytes(content)
    with results.connect(tmp_path) as rows:
        assert rows.execute("SELECT count(*) FROM depths_middle").fetchone() == (2,)
    merging.merge(tmp_path)
    assert sums.read_bytes() == before


def test_what_is_no_part_is_passed_over(tmp_path):
    for number in range(2):
        evaluated(tmp_path, f"k{number}")
    folder = tmp_path / "subjects"
    (folder / "x.parquet").mkdir()
    last = max(folder.glob("merged-*.parquet"))
    (folder / "merged-abc.parquet").write_bytes(last.read_bytes())
    with results.connect(tmp_path) as rows:
        assert rows.execute("SELECT count(*) FROM subjects").fetchone() == (2,)
    evaluated(tmp_path, "k2")
    assert len(results.known(tmp_path)) == 3


def test_a_folder_is_read_as_it_is_spelled(tmp_path):
    root = tmp_path / "it's [a] 100% ü*?{x}"
    for number in range(2):
        evaluated(root, f"k{number}")
    results.append(root, "slices", "k2", [row("slices", key="k2")])
    with results.connect(root) as rows:
        assert rows.execute("SELECT count(*) FROM slices").fetchone() == (3,)
        assert rows.execute("SELECT count(*) FROM depths_middle").fetchone() == (3,)
