"""What lint cannot say: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "zsad_core").rglob("*.py"))
UI = sorted((ROOT / "pages/ui").rglob("*.py"))
PAGES = [*sorted((ROOT / "pages").rglob("*.py")), ROOT / "app.py"]


ROOMS = (
    *("errors", "types", "base", "backbones", "imaging", "metrics", "prompts", "results"),
    *("methods", "setups", "inference", "evaluation", "workspace", "lab", "report", "exports"),
    *("training", "study", "cli", "__main__"),
)
"""The rooms of the core from the ground up: each imports from those before it alone."""

PAGE_ROOMS = (
    *("viewer", "figures", "shell"),  # serve every page
    *("explore", "prompts", "depth", "cohort", "failures", "setup", "start"),
)
"""The rooms of `pages/ui`, likewise: the later page shows what an earlier one knows to draw."""

TEST_MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for pattern in ("test_*.py", "conftest.py")
    for path in (ROOT / "tests").rglob(pattern)
}
SESSION = "pages.ui.shell.session"
CHOICES = ("segmented_control", "pills")  # widgets whose buttons are choices


def imports(path):
    """What a file imports, inside functions too; `from a import b` gives a and a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def roots(path):
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_knows_neither_streamlit_nor_pages(path):
    assert not roots(path) & {"streamlit", "pages"}


@pytest.mark.parametrize("path", [*CORE, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_imported_late_is_imported_inside_a_function(path):
    if path != ROOT / "zsad_core/backbones/lazy.py":
        assert not {"importlib.import_module", "importlib.util"} & imports(path)
        functions = (node for node in ast.parse(path.read_text()).body if hasattr(node, "name"))
        assert "__getattr__" not in {node.name for node in functions}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_know_no_torch(path):
    assert not roots(path) & {"torch", "open_clip"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "pages/ui/figures").glob("*.py")), ids=lambda path: path.name
)
def test_figures_know_no_streamlit(path):
    assert "streamlit" not in roots(path)


def rooms(names, package):
    """The rooms of a package from which modules of these names come."""
    beyond = [name.split(".") for name in names if name.startswith(f"{package}.")]
    return {parts[package.count(".") + 1] for parts in beyond}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_are_built_on_those_below(path):
    room = path.relative_to(ROOT / "zsad_core").with_suffix("").parts[0]
    if room == "__init__":
        assert not imports(path)
        return
    assert rooms(imports(path), "zsad_core") <= set(ROOMS[: ROOMS.index(room) + 1])


@pytest.mark.parametrize("path", UI, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_of_pages_are_built_on_those_below(path):
    room = path.relative_to(ROOT / "pages/ui").parts[0]
    beyond = imports(path) - {"pages.ui.shell", SESSION}  # which any room may use
    assert rooms(beyond, "pages.ui") <= set(PAGE_ROOMS[: PAGE_ROOMS.index(room) + 1])


def test_the_session_knows_no_other_room():
    assert not rooms(imports(ROOT / "pages/ui/shell/session.py"), "pages.ui")


def test_every_room_has_its_place():
    there = {path.relative_to(ROOT / "zsad_core").with_suffix("").parts[0] for path in CORE}
    assert there - {"__init__"} == set(ROOMS)
    assert {path.relative_to(ROOT / "pages/ui").parts[0] for path in UI} == set(PAGE_ROOMS)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_module_alone_knows_the_session_state(path):
    if path != ROOT / "pages/ui/shell/session.py":
        assert "session_state" not in path.read_text()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_module_alone_knows_the_inside_of_streamlit(path):
    inside = ("streamlit.runtime", "streamlit.web", "streamlit.proto", "streamlit.elements")
    if path != ROOT / "pages/ui/shell/streamlit_internals.py":
        assert not [name for name in imports(path) if name.startswith(inside)]


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_a_page_is_short(path):
    assert len(path.read_text().splitlines()) <= 60


def test_test_modules_have_names_of_their_own():
    """Or pytest cannot collect the whole suite."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)


def test_tests_import_no_other_test():
    """What several of them need lies in `tests/helpers`; pytest itself imports `conftest.py`."""
    files = (path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py"))
    used = {str(path.relative_to(ROOT)): imports(path) & TEST_MODULES for path in files}
    assert {path: names for path, names in used.items() if names} == {}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_choice_of_one_cannot_be_taken_back(path):
    """Streamlit lets go of the chosen button when it is clicked again, unless one is required."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in CHOICES:
            given = {one.arg: ast.unparse(one.value) for one in node.keywords}
            assert given.get("required") == "True" or "'multi'" in given.get("selection_mode", "")
