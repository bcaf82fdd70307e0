"""What lint cannot say: who may import whom."""

import ast
import functools
from pathlib import Path

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
OPENED = ("expander", "popover", "tabs")  # what a user opens, which Streamlit notes in the browser


@functools.cache
def tree(path):
    return ast.parse(path.read_text())


@functools.cache
def imports(path):
    """What a file imports, inside functions too; `from a import b` gives a and a.b."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def roots(path):
    return {name.split(".")[0] for name in imports(path)}


def faults(paths, of):
    """What `of(path)` finds in files, by their names; files without a fault are left out."""
    found = {str(path.relative_to(ROOT)): of(path) for path in paths}
    assert found, "no file is looked at"
    return {name: fault for name, fault in found.items() if fault}


def test_the_core_knows_neither_streamlit_nor_pages():
    assert faults(CORE, lambda path: roots(path) & {"streamlit", "pages"}) == {}


def test_what_is_imported_late_is_imported_inside_a_function():
    late = {"importlib.import_module", "importlib.util"}

    def fault(path):
        functions = {getattr(node, "name", "") for node in tree(path).body}
        return late & imports(path) or {"__getattr__"} & functions

    lazy = ROOT / "zsad_core/backbones/lazy.py"
    assert faults([path for path in (*CORE, *PAGES) if path != lazy], fault) == {}
    assert fault(lazy)


def test_pages_know_no_torch():
    assert faults(PAGES, lambda path: roots(path) & {"torch", "open_clip"}) == {}


def test_figures_know_no_streamlit():
    figures = (ROOT / "pages/ui/figures").glob("*.py")
    assert faults(figures, lambda path: roots(path) & {"streamlit"}) == {}


def rooms(names, package):
    """The rooms of a package from which modules of these names come."""
    beyond = [name.split(".") for name in names if name.startswith(f"{package}.")]
    return {parts[package.count(".") + 1] for parts in beyond}


def test_rooms_are_built_on_those_below():
    def fault(path):
        room = path.relative_to(ROOT / "zsad_core").with_suffix("").parts[0]
        if room == "__init__":
            return imports(path)
        return rooms(imports(path), "zsad_core") - {*ROOMS[: ROOMS.index(room) + 1]}

    assert faults(CORE, fault) == {}


def test_rooms_of_pages_are_built_on_those_below():
    def fault(path):
        room = path.relative_to(ROOT / "pages/ui").parts[0]
        beyond = imports(path) - {"pages.ui.shell", SESSION}  # which any room may use
        return rooms(beyond, "pages.ui") - {*PAGE_ROOMS[: PAGE_ROOMS.index(room) + 1]}

    assert faults(UI, fault) == {}


def test_the_session_knows_no_other_room():
    assert not rooms(imports(ROOT / "pages/ui/shell/session.py"), "pages.ui")


def test_every_room_has_its_place():
    there = {path.relative_to(ROOT / "zsad_core").with_suffix("").parts[0] for path in CORE}
    assert there - {"__init__"} == set(ROOMS)
    assert {path.relative_to(ROOT / "pages/ui").parts[0] for path in UI} == set(PAGE_ROOMS)


def test_one_module_alone_knows_the_session_state():
    found = faults(PAGES, lambda path: "session_state" in path.read_text())
    assert [*found] == ["pages/ui/shell/session.py"]


def test_one_module_alone_knows_the_inside_of_streamlit():
    inside = ("streamlit.runtime", "streamlit.web", "streamlit.proto", "streamlit.elements")
    found = faults(PAGES, lambda path: [n for n in imports(path) if n.startswith(inside)])
    assert [*found] == ["pages/ui/shell/streamlit_internals.py"]


def test_one_function_alone_tells_how_far_numbers_deviate():
    """Others give equal values the rounding of their mean; methods and textures scale by it."""
    others = [*(ROOT / "zsad_core/methods").rglob("*.py"), ROOT / "zsad_core/training/textures.py"]
    spread = ROOT / "zsad_core/metrics/spread.py"
    paths = [path for path in (*CORE, *PAGES) if path not in (spread, *others)]

    def deviations(path):
        calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
        return {"std", "nanstd", "stdev", "pstdev"} & {getattr(call, "attr", "") for call in calls}

    assert faults(paths, deviations) == {}


def test_a_page_is_short():
    pages = (ROOT / "pages").glob("*.py")
    assert faults(pages, lambda path: len(path.read_text().splitlines()) > 60) == {}


def test_test_modules_have_names_of_their_own():
    """Or pytest cannot collect the whole suite."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)


def test_tests_import_no_other_test():
    """What several of them need lies in `tests/helpers`; pytest itself imports `conftest.py`."""
    files = (path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py"))
    assert faults(files, lambda path: imports(path) & TEST_MODULES) == {}


def test_a_choice_of_one_cannot_be_taken_back():
    """Streamlit lets go of the chosen button when it is clicked again, unless one is required."""

    def fault(path):
        calls = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
        choices = [call for call in calls if getattr(call.func, "attr", "") in CHOICES]
        given = [{one.arg: ast.unparse(one.value) for one in call.keywords} for call in choices]
        return [
            words
            for words in given
            if words.get("required") != "True" and "'multi'" not in words.get("selection_mode", "")
        ]

    assert faults(PAGES, fault) == {}


def test_what_a_user_opened_has_a_key():
    """Without one it is told by its place, and closes when something above it comes or goes."""

    def fault(path):
        calls = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
        opened = [call for call in calls if getattr(call.func, "attr", "") in OPENED]
        return [ast.unparse(one) for one in opened if "key" not in {k.arg for k in one.keywords}]

    assert faults(PAGES, fault) == {}
