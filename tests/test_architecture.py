"""What lint cannot say: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "zsad_core").rglob("*.py"))
PAGES = [*sorted((ROOT / "pages").rglob("*.py")), ROOT / "app.py"]


def imports(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def roots(path):
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_knows_neither_streamlit_nor_pages(path):
    assert not roots(path) & {"streamlit", "pages"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_know_no_torch(path):
    assert not roots(path) & {"torch", "open_clip"}


def test_charts_know_no_streamlit():
    assert "streamlit" not in roots(ROOT / "pages/ui/figures/charts.py")


@pytest.mark.parametrize("folder", ["methods", "imaging/datasets"])
def test_siblings_stay_apart_from_other_layers(folder):
    higher = {f"zsad_core.{name}" for name in ("inference", "evaluation", "cli")}
    for path in (ROOT / "zsad_core" / folder).glob("*.py"):
        assert not imports(path) & higher, path


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_a_page_is_short(path):
    assert len(path.read_text().splitlines()) <= 60
