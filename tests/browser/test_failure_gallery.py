"""The gallery in a browser: from nothing evaluated to a case in Explore, and back."""

from zsad_core.results import parquet as results

VIEWER = ".z-root"
KIND = "no overlap"


def worst(root):
    """Subject, slice and threshold of the worst slice of the kind, by plain SQL."""
    with results.connect(root) as rows:
        return rows.execute(
            "SELECT subject, index, threshold_value FROM slices JOIN subjects USING (key) "
            "WHERE slices.truth > 0 AND slices.predicted > 0 AND slices.overlap = 0 "
            "ORDER BY slices.truth + slices.predicted DESC, subject, index LIMIT 1"
        ).fetchone()


def at_rest(page):
    """No picture is still to be drawn and nothing runs."""
    page.wait_for_function(
        """() => !document.body.innerText.includes("pictures are being drawn")
            && document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        """
    )


def test_a_case_is_found_opened_and_returned_from(app, user):
    page, server = app
    page.goto(server.address("Failures", data="demo-2mm:", method="intensity"))
    page.get_by_role("button", name="Evaluate").click()
    page.get_by_text("the worst of each kind first").wait_for()
    main = page.get_by_test_id("stMain")  # the sidebar lists jobs too
    main.get_by_text("runs on demo-2mm").wait_for(state="detached")  # the evaluation is over
    at_rest(page)
    page.get_by_role("button", name=KIND.capitalize()).click()
    page.locator(
        '[aria-checked="true"], [aria-pressed="true"]', has_text=KIND.capitalize()
    ).wait_for()
    at_rest(page)
    page.get_by_text(f"{KIND.capitalize()}", exact=True).first.wait_for()
    card = page.get_by_test_id("stImage").first
    card.locator("img").wait_for()
    subject, index, threshold = worst(user / "results")
    page.get_by_text(f"{subject} · slice {index + 1} ·").first.wait_for()
    page.get_by_test_id("stButton").get_by_text("Open", exact=True).first.click()

    page.locator(f'{VIEWER}[data-slice="{index}"][data-threshold="{threshold}"]').wait_for()
    page.locator(".z-title", has_text=subject).wait_for()
    assert "/Explore" in page.url

    page.get_by_role("link", name="Failures").click()
    page.get_by_text(f"{subject} · slice {index + 1} ·").first.wait_for()
    assert page.get_by_text("No lesion here").count() == 0  # the filter is kept
