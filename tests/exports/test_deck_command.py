from pptx import Presentation

from zsad_core.cli import main as cli
from zsad_core.workspace import pins


def deck_of(capsys, out, *more):
    code = cli.main(["deck", "--out", str(out), *more])
    return code, capsys.readouterr()


def test_a_file_of_pins_becomes_a_deck(capsys, tmp_path, view):
    kept = [pins.pin_of(view, title) for title in ("first", "second")]
    (tmp_path / "pins.json").write_bytes(pins.as_file(kept))
    out = tmp_path / "a" / "b"
    code, said = deck_of(capsys, out, "--pins", str(tmp_path / "pins.json"), "--title", "Talk")
    # The 2 mm demo is a data root of nobody here, so the cases are named and said to be lost.
    assert code == 0
    assert said.err.count("no picture of") == 2
    slides = Presentation(out / "deck.pptx").slides
    assert [one.shapes.title.text for one in slides][:3] == ["Talk", "first", "second"]
    assert "add the folder on the Setup page" in (out / "deck.html").read_text()


def test_without_a_file_the_user_s_own_pins_are_taken(capsys, tmp_path, view):
    code, said = deck_of(capsys, tmp_path / "talk")
    assert (code, "there are 0; pin a view first" in said.err) == (1, True)
    pins.add(pins.pin_of(view, "mine"))
    code, said = deck_of(capsys, tmp_path / "talk")
    assert (code, "1 cases in" in said.out) == (0, True)


def test_what_cannot_be_read_or_written_is_said(capsys, tmp_path, view):
    code, said = deck_of(capsys, tmp_path / "talk", "--pins", str(tmp_path / "none.json"))
    assert (code, "There is no file" in said.err) == (1, True)
    pins.add(pins.pin_of(view, "mine"))
    (tmp_path / "taken").write_text("")
    code, said = deck_of(capsys, tmp_path / "taken")
    assert (code, "cannot be written" in said.err) == (1, True)
