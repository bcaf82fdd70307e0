"""The report of the bench: a part measured anew takes the place of its last section alone."""

from bench.report import Line, Section


def test_a_part_measured_anew_replaces_its_own_section(tmp_path):
    path = tmp_path / "last.md"
    for part, machine, value in (("core", "old", 2.0), ("store", "old", 3.0), ("core", "new", 1.0)):
        section = Section(part, machine)
        section.add(Line("waited", value, "s", 2.5))
        section.keep(path)
    head, core, store = path.read_text().split("\n## ")
    assert head.startswith("# Last `make bench`")
    assert core.splitlines()[:3] == ["core", "", "new"]
    assert core.splitlines()[-1] == "| waited | 1.00 s | <= 2.5 s | met |"
    assert store.splitlines()[:3] == ["store", "", "old"]
    assert store.splitlines()[-1] == "| waited | 3.00 s | <= 2.5 s | MISSED |"
    assert path.read_text().count("waited") == 2
