"""A login at a real OpenID provider: nobody is let in without, and users see nothing of others."""

import json
import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import nibabel as nib
import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from bench.app_server import served
from tests.helpers import by_hand
from tests.helpers.pages import WAIT
from tests.helpers.provider import provider, secrets
from zsad_core.imaging.datasets import uploaded
from zsad_core.imaging.datasets.demo import Demo
from zsad_core.types import DataSpec

PAGES = ("", "Explore", "Prompts", "Depth", "Cohort", "Failures", "Setup")
SECTIONS = ("Data", "Splits", "Predictions", "Weights", "Train", "Device and cache", "Pre-encode")
OF_ALL = re.compile(  # buttons for viewers too
    "Log out|Use the files|Jobs: |Cancel|Stop|Clear done|Open|View|Try again|Continue$"
)
OF_OPERATORS = {"Look", "Train", "Clear cache", "Evaluate", "Draw", "Read", "Add"}
DEMO = "data=demo-2mm%3A&method=intensity"
LONG = "data=demo%3A&method=winclip&subject=DEMO-MET-020-000"  # a volume encoded for a while
CHOICE = {"data": "demo-2mm:", "subject": "DEMO-MET-014-000", "method": "intensity"}


@pytest.fixture(scope="module")
def team(browser, tmp_path_factory):
    """An app with a login, one operator and three viewers, and its home."""
    folder = tmp_path_factory.mktemp("team")
    home = folder / "home"
    home.mkdir()
    scans = folder / "scans"
    scans.mkdir()
    nib.save(nib.Nifti1Image(np.ones((8, 8, 8), np.float32), np.eye(4)), scans / "a.nii.gz")
    roots = [{"kind": "demo-2mm"}, {"kind": "folder", "root": str(scans)}]
    (home / "settings.json").write_text(json.dumps({"data": roots}))
    with provider() as address:
        environment = {
            "STREAMLIT_SECRETS_FILES": str(secrets(folder / "secrets.toml", address)),
            "ZSAD_OPERATORS": "boss@lab.example",
            "ZSAD_HOME": str(home),
        }
        with served(folder / "log.txt", **environment) as server:
            yield server, home


@pytest.fixture
def log_in(team, new_page):
    """log_in("ada") is a page in a browser of that user's own; `page.fetched` lists addresses."""
    server, _ = team

    def logged_in(subject):
        page = new_page()
        page.set_default_timeout(WAIT * 1000)
        page.fetched = []
        page.on("request", lambda request: page.fetched.append(request.url))
        page.goto(server.url)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("button", name=subject, exact=True).click()
        page.get_by_role("button", name="Log out").wait_for()
        return page

    return logged_in


def test_nobody_sees_a_page_without_a_login(team, new_page, log_in):
    server, _ = team
    stranger = new_page()
    for name in PAGES:
        stranger.goto(server.address(name))
        stranger.get_by_text("Log in to go on.").wait_for(timeout=WAIT * 1000)
        assert stranger.get_by_test_id("stPageLink").count() == 0
        buttons = stranger.get_by_test_id("stMain").get_by_role("button")
        assert buttons.all_inner_texts() == ["Log in"]
    page = log_in("ada")
    page.get_by_text("Logged in as Ada").wait_for()
    page.goto(server.address("Setup"))
    page.get_by_text("Your files", exact=True).wait_for()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/end_session?**")  # and at the provider too
    page.goto(server.address("Setup"))
    page.get_by_text("Log in to go on.").wait_for()


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A file to upload."""
    volume = Demo(DataSpec("demo-2mm"), spacing_mm=2.0).load("DEMO-MET-013-000", "t2f")
    path = tmp_path_factory.mktemp("scan") / "quokka_flair.nii.gz"
    nib.save(nib.Nifti1Image(volume.intensity, volume.affine), path)
    return path


def settled(page):
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


WORDS = """() => {
  const words = [document.body.innerText];
  const look = (root) => root.querySelectorAll("*").forEach((one) => {
    if (one.value) words.push(String(one.value));
    if (one.shadowRoot) {
      words.push(one.shadowRoot.textContent);
      look(one.shadowRoot);
    }
  });
  look(document);
  return words.join("\\n");
}"""


def words(page, address):
    """All that a page shows, what its fields hold and the viewer draws too."""
    page.goto(address)
    page.get_by_role("button", name="Log out").wait_for()
    settled(page)
    return page.evaluate(WORDS)


def test_users_see_nothing_of_each_other(team, log_in, new_page, scan):
    server, home = team
    ada = log_in("ada")

    editor = server.address("Prompts", **{**CHOICE, "method": "winclip", "lab": "Edit"})
    ada.goto(editor)
    normal = ada.get_by_label("Normal", exact=False).first
    normal.fill("a healthy scan")
    normal.press("Control+Enter")
    ada.get_by_text("1 normal + ").wait_for()
    ada.get_by_role("button", name="Save …").click()
    ada.get_by_label("Save as").fill("quokka texts")
    ada.get_by_label("Save as").press("Tab")
    ada.get_by_role("button", name="Save prompt set").click()
    ada.get_by_text("is saved as version 1").wait_for()
    ada.wait_for_function("location.search.includes('prompts=quokka')")
    with_prompts = ada.url

    ada.goto(server.address("Explore", **CHOICE, slice="41"))
    ada.get_by_role("button", name="Pin this view").click()
    ada.get_by_label("Title").fill("quokka pin")
    ada.get_by_role("button", name="Pin", exact=True).click()
    ada.get_by_text("Pinned: quokka pin").wait_for()
    settled(ada)
    ada.get_by_text("Export this view").click()
    with ada.expect_download() as waiting:
        ada.get_by_role("button", name="Numbers as CSV").click()
    assert waiting.value.path().read_bytes().startswith("\ufeff# shows: DEMO-MET-014".encode())

    ada.goto(server.address("Setup"))
    ada.locator('[data-testid="stFileUploaderDropzoneInput"]').first.set_input_files(str(scan))
    ada.get_by_role("button", name="Use 1 file").click()
    ada.get_by_text("quokka: t2f, ").wait_for()
    uploaded_scan = {"data": uploaded.TITLE, "subject": "quokka", "method": "intensity"}
    ada.goto(server.address("Explore", **uploaded_scan))
    ada.locator(".z-title", has_text="quokka").wait_for()
    settled(ada)
    uploaded_scan["method"] = "aprilgan"
    ada.goto(server.address("Explore", **uploaded_scan))  # which encodes it in a job
    ada.locator(".z-title", has_text="quokka").wait_for()
    settled(ada)

    tries = (
        with_prompts,
        server.address("Explore", **uploaded_scan),
        server.address("Failures", failures="Pins"),
        server.address("Setup"),
        server.address("Failures", case="1"),
        server.address("Prompts", **CHOICE, lab="History"),
        server.address("Failures", failures="Pins", pins="published"),
        server.address(""),
    )
    other_tab = ada.context.new_page()
    other_tab.set_default_timeout(WAIT * 1000)
    for address in tries[:4]:
        assert "quokka" in words(other_tab, address), address
    assert "Restore draft" in words(other_tab, editor)

    ben = log_in("ben")
    assert "Restore draft" not in words(ben, editor)
    for address in tries:
        shown = re.sub("Not available here: .*", "", words(ben, address))  # which he named himself
        assert "quokka" not in shown, address
    ben.goto(server.address("Setup"))
    ben.get_by_role("button", name="Jobs: ").click()
    ben.get_by_text("Another user's job").first.wait_for()
    settled(ben)
    assert "uploaded scan" not in ben.get_by_test_id("stSidebar").inner_text()

    # Nothing that ada's browser fetched is a file of hers; the icon is the app's.
    files = [url for url in ada.fetched if urlsplit(url).path.startswith("/media/")]
    assert [url for url in files if not url.endswith(".svg")] == []
    stranger = new_page()
    for url in sorted({url for url in ada.fetched if url.startswith(server.url)}):
        if "/auth/" in url:
            continue  # they lead to the provider, and log out
        for other in (ben, stranger):
            body = other.request.get(url).body()
            assert b"quokka" not in body, url
            if "/upload_file/" in url:
                assert body.startswith(b"<!")  # the app's page, not the file
    assert "Logged in as Ben" in words(ben, server.address(""))  # also where ada's login came back
    stranger.goto(server.address(""))
    stranger.get_by_text("Log in to go on.").wait_for()
    assert len([*(home / "users").glob("*/pins.json")]) == 1
    assert not (home / "pins.json").exists()
    assert not (home / "prompts").exists()

    ada.goto(server.address("Failures", failures="Pins"))
    ada.get_by_text("quokka pin").wait_for()
    ada.get_by_role("button", name="Publish").click()
    ada.get_by_text("Published: quokka pin").wait_for()
    assert "quokka pin" in words(ben, server.address("Failures", failures="Pins", pins="published"))


def test_a_viewer_does_nothing_of_an_operator_by_address_message_or_upload(team, log_in):
    server, home = team
    store = Path(os.environ["ZSAD_CACHE"]) / "store" / "aa" / "aakey"
    store.mkdir(parents=True)
    before = contents(home)
    boss, cleo = log_in("boss"), log_in("cleo")  # for ada a job of another test may run
    with (
        by_hand.session(server, boss.context) as operator,
        by_hand.session(server, cleo.context) as viewer,
    ):
        setup = by_hand.choice(operator.run("Setup"), "Train")
        cohort = by_hand.choice(operator.run("Cohort", DEMO), "Evaluate")
        depth = by_hand.choice(operator.run("Depth", DEMO), "all evaluated subjects")
        places = [("Setup", {setup: [name]}) for name in SECTIONS]
        places += [("Cohort", {cohort: ["Evaluate"]}), ("Failures", {})]
        places += [("Depth", {depth: ["all evaluated subjects"]})]
        offered = {}
        for page, states in places:
            offered |= by_hand.buttons(operator.run(page, DEMO, **states))
        of_operators = {one: label for one, label in offered.items() if not OF_ALL.match(label)}
        assert {*of_operators.values()} >= OF_OPERATORS
        file = by_hand.uploader(operator.run("Setup", **{setup: ["Splits"]}), "Split file")

        for page, states in places:
            clicks = dict.fromkeys(of_operators, True)
            split = viewer.upload("main.csv", "subject,split\na,test\n")
            drawn = viewer.run(page, DEMO, **states, **clicks, **{file: split})
            assert not {*by_hand.buttons(drawn)} & {*of_operators}, page
            assert not [one for one in drawn if getattr(one, "id", "") == file], page

        device = {setup: ["Device and cache"]}
        end = time.monotonic() + WAIT
        while "Yours" in progress(viewer.run("Setup", **device)):  # what those pages look for
            assert time.monotonic() < end
        operator.run("Explore", LONG)
        drawn = viewer.run("Setup", **device)
        stops = [one for one, label in by_hand.buttons(drawn).items() if label == "Cancel"]
        assert stops  # disabled, which only the page of a browser heeds
        assert {*progress(drawn)} == {"Another user's job"}
        drawn = viewer.run("Setup", **device, **dict.fromkeys(stops, True))
        assert {*stops} & {*by_hand.buttons(drawn)}
        assert not [text for text in progress(drawn) if "stopping" in text]
        viewer.send(BackMsg(clear_cache=True))  # a message of Streamlit's own
        assert "Another user's job" in progress(viewer.run("Setup", **device))

        assert store.exists()
        assert contents(home) == before
        (clear,) = [one for one, label in offered.items() if label == "Clear cache"]
        operator.run("Setup", **device, **{clear: True})
        assert not store.exists()  # so that is how it is done


def progress(elements):
    """What bars say that stand among elements, each up to its colon."""
    bars = [one for one in elements if type(one).__name__ == "Progress"]
    return [bar.text.partition(":")[0] for bar in bars]


def contents(home):
    """What an operator changes in a home: all but what the viewers' own homes and logs hold."""
    apart = ("users", "uploads", "audit.jsonl")
    files = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {
        path: path.read_bytes() for path in files if path.relative_to(home).parts[0] not in apart
    }
