"""The documentation leads somewhere: every link, heading and file that it names is there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT, capture_output=True, text=True,
).stdout.split()  # fmt: skip
PAGES = [name for name in FILES if name.endswith(".md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")
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
