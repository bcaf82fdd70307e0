"""A login at a real OpenID provider: nobody is let in without, and users see nothing of others."""

import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import nibabel as nib
import pytest

from bench.app_server import served
from tests.helpers import by_hand
from tests.helpers.pages import WAIT
from tests.helpers.provider import provider, secrets
from zsad_core.imaging.datasets import uploaded
from zsad_core.imaging.datasets.demo import Demo
from zsad_core.types import DataSpec

PAGES = ("", "Explore", "Prompts", "Depth", "Cohort", "Failures", "Setup")
OF_ALL = re.compile("Log out|Use the files|Jobs: |Cancel")  # buttons of Setup for viewers too
CHOICE = {"data": "demo-2mm:", "subject": "DEMO-MET-014-000", "method": "intensity"}


@pytest.fixture(scope="module")
def team(browser, tmp_path_factory):
    """An app with a login, one operator and two viewers, and its home."""
    folder = tmp_path_factory.mktemp("team")
    home = folder / "home"
    home.mkdir()
    (home / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
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
        page.set_default_timeout(WAIT * 500)
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


def words(page, address):
    """All that a page shows."""
    page.goto(address)
    page.get_by_role("button", name="Log out").wait_for()
    settled(page)
    return page.locator("body").inner_text()


def test_users_see_nothing_of_each_other(team, log_in, scan):
    server, home = team
    ada = log_in("ada")

    ada.goto(server.address("Prompts", **{**CHOICE, "method": "winclip", "lab": "Edit"}))
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
    ada.get_by_text("Pinned.").wait_for()
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
    ada.goto(server.address("Failures", failures="Pins"))
    ada.get_by_text("quokka pin").wait_for()

    ben = log_in("ben")
    tries = (
        with_prompts,
        server.address("Prompts", **CHOICE, lab="History"),
        server.address("Explore", **uploaded_scan),
        server.address("Failures", failures="Pins"),
        server.address("Failures", failures="Pins", pins="published"),
        server.address("Failures", case="1"),
        server.address("Setup"),
        server.address(""),
    )
    for address in tries:
        shown = re.sub("Not available here: .*", "", words(ben, address))  # which he named himself
        assert "quokka" not in shown, address
    # Nothing that ada's browser fetched is a file of hers; the icon is the app's.
    files = [url for url in ada.fetched if urlsplit(url).path.startswith("/media/")]
    assert [url for url in files if not url.endswith(".svg")] == []
    for url in {*ada.fetched}:
        if "/upload_file/" in url:
            assert ben.request.get(url).text().startswith("<!")  # the app's page, not the file
    assert len([*(home / "users").glob("*/pins.json")]) == 1
    assert not (home / "pins.json").exists()
    assert not (home / "prompts").exists()

    ada.goto(server.address("Failures", failures="Pins"))
    ada.get_by_role("button", name="Publish").click()
    ada.get_by_text("Published: quokka pin").wait_for()
    assert "quokka pin" in words(ben, server.address("Failures", failures="Pins", pins="published"))


def test_a_viewer_does_nothing_of_an_operator_by_messages_of_their_own(team, log_in):
    server, home = team
    store = Path(os.environ["ZSAD_CACHE"]) / "store" / "aa" / "aakey"
    store.mkdir(parents=True)
    before = (home / "settings.json").read_bytes()
    boss, ada = log_in("boss"), log_in("ada")
    with by_hand.session(server, boss.context) as operator:
        drawn = operator.run("Setup")
        section = by_hand.choice(drawn, "Train")
        offered = by_hand.buttons(drawn)
        for name in ("Splits", "Predictions", "Weights", "Train", "Device and cache"):
            offered |= by_hand.buttons(operator.run("Setup", **{section: [name]}))
        assert {"Look", "Train", "Clear cache"} <= {*offered.values()}
        with by_hand.session(server, ada.context) as viewer:
            for shared in [one for one, label in offered.items() if OF_ALL.match(label)]:
                del offered[shared]
            for name in ("Data", "Train", "Weights", "Device and cache"):
                drawn = viewer.run("Setup", **{section: [name]}, **dict.fromkeys(offered, True))
                assert not {*by_hand.buttons(drawn)} & {*offered}
            device = {section: ["Device and cache"]}
            operator.run("Explore")  # which encodes a volume for a while
            stops = [
                one
                for one, label in by_hand.buttons(viewer.run("Setup", **device)).items()
                if label == "Cancel"
            ]
            assert stops  # disabled, which only the page of a browser heeds
            drawn = viewer.run("Setup", **device, **dict.fromkeys(stops, True))
            assert {*stops} & {*by_hand.buttons(drawn)}
            texts = [one.text for one in drawn if type(one).__name__ == "Progress"]
            assert not [text for text in texts if "stopping" in text and "Yours" not in text]
        assert store.exists()
        assert (home / "settings.json").read_bytes() == before
        (clear,) = [one for one, label in offered.items() if label == "Clear cache"]
        operator.run("Setup", **{section: ["Device and cache"], clear: True})
        assert not store.exists()  # so that is how it is done
