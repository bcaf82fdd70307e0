"""The documentation leads somewhere: every link, heading and file that it names is there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT, capture_output=True, text=True,
).stdout.split()  # fmt: skip
PAGES = [name for name in FILES if name.endswith(".md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")
IN_SITE = ("*.md", "docs/*", "bench/last.md", "deploy/**/*", "studies/*", "mkdocs.yml")
NAMED = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|js|css|yaml|toml))`")


@pytest.fixture(autouse=True)
def _checkout():
    if not FILES:
        pytest.skip("no git checkout")


def anchors(page):
    """What the headings of a page are called in a link, as forges and mkdocs make it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(name):
    broken = []
    for link in LINK.findall((ROOT / name).read_text()):
        target, _, heading = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        if re.match(r"\w+:", link) or (path.exists() and (not heading or heading in anchors(path))):
            continue
        broken.append(link)
    assert broken == []


def test_every_source_file_that_the_architecture_names_is_there():
    named = set(NAMED.findall((ROOT / "docs/architecture.md").read_text()))
    assert len(named) > 40
    ends = {"/".join(name.split("/")[-n:]) for name in FILES for n in range(1, 9)}
    assert named - ends == set()


@pytest.fixture
def site(tmp_path):
    """site() builds the documentation of a copy of the project."""
    for pattern in (*IN_SITE, "zsad_core/backbones/weights/MODEL_CARD.md"):
        for path in filter(Path.is_file, ROOT.glob(pattern)):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)

    def build():
        command = [sys.executable, "-m", "mkdocs", "build"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return build


@pytest.mark.slow
def test_the_site_is_built_and_leads_on(site, tmp_path):
    done = site()
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "index.html").read_text()
    for name in ("architecture", "glossary", "results", "adding_a_method", "server"):
        assert f'href="docs/{name}/"' in page
        assert (tmp_path / "site" / "docs" / name / "index.html").is_file()
    assert (tmp_path / "site" / "docs" / "explore.png").is_file()
    assert not re.findall(r'<(?:script|link|img)[^>]*="(?:https?:)?//[^"]*"', page)


@pytest.mark.slow
@pytest.mark.parametrize("link", ["docs/nowhere.md", "docs/glossary.md#nothing"])
def test_a_broken_link_ends_the_build(site, tmp_path, link):
    with (tmp_path / "README.md").open("a") as readme:
        readme.write(f"[there]({link})\n")
    assert site().returncode == 1
