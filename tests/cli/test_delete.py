"""Rows are counted, and deleted with --yes alone: those that are named, and no others."""

import pytest

from tests.helpers.rows import put
from zsad_core.cli.main import main
from zsad_core.results import merging
from zsad_core.results import parquet as results

WINCLIP = ["--method", "winclip", "--setup", "brats"]


@pytest.fixture(params=[False, True], ids=["parts", "merged"])
def delete(request, tmp_path):
    """delete(OPTIONS) runs the command and returns its exit code and the rows that are left."""
    for subject in "ab":
        put(tmp_path, subject)
        put(tmp_path, subject, "pmc")
        put(tmp_path, subject, method="mvfa")
        put(tmp_path, subject, threshold_rule="oracle", brain_only=False)
    if request.param:
        merging.merge(tmp_path)

    def run(*options):
        code = main(["delete", "--results", str(tmp_path), *options])
        with results.connect(tmp_path) as rows:
            columns = "method, setup, threshold_rule, subject"
            left = rows.execute(f"SELECT {columns} FROM subjects").fetchall()
            slices = rows.execute("SELECT count(DISTINCT key) FROM slices").fetchone()
            assert slices == (len(left),)
            return code, {"-".join(row) for row in left}

    return run


def test_rows_are_counted_first(delete, capsys):
    code, left = delete(*WINCLIP)
    said = capsys.readouterr().out
    assert (code, len(left)) == (0, 8)
    assert "oracle, outside the region too" in said
    assert "Nothing is deleted yet; --yes deletes these 4 rows of" in said


def test_a_folder_without_rows_is_said(tmp_path, capsys):
    assert main(["delete", "--results", str(tmp_path / "none"), "--method", "mvfa"]) == 1
    assert "There are no rows in" in capsys.readouterr().err


@pytest.mark.parametrize("threshold", ["oracle", "oracle, outside the region too"])
def test_those_that_are_named_go_and_no_others(delete, capsys, threshold):
    _, before = delete(*WINCLIP)
    code, left = delete(*WINCLIP, "--threshold", threshold, "--yes")
    assert code == 0
    assert before - left == {f"winclip-brats-oracle-{subject}" for subject in "ab"}
    assert "Deleted 2 rows of" in capsys.readouterr().out
    assert delete("--method", "winclip", "--yes")[1] == {
        f"mvfa-brats-validation-{subject}" for subject in "ab"
    }


def test_what_no_row_has_is_named_with_what_there_is(delete, capsys):
    code, left = delete(*WINCLIP, "--plane", "coronal", "--yes")
    assert (code, len(left)) == (1, 8)
    assert "--plane is 'coronal'; the rows have 'axial'." in capsys.readouterr().err
