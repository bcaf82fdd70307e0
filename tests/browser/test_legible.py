"""Text of every page can be read: contrast AA in light and dark, and no part out of sight."""

import pytest

PAGES = ["", "Explore", "Prompts", "Depth", "Cohort", "Setup"]
CHOICE = {"data": "demo-2mm:", "subject": "DEMO-MET-013-000", "rule": "fixed"}
SIZES = {1: [(800, 900), (1024, 768), (2560, 1300)], 1.25: [(1152, 720)]}
"""Windows by the zoom of the browser."""
LEAST, LEAST_LARGE = 4.5, 3.0  # WCAG 2.2, 1.4.3; large is 24 px, or 18.66 px and bold
# Colours as they are seen: of each text the contrast with what lies behind, less than the least.
FAINT = """([least, leastLarge]) => {
    const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
        .getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = "#000";
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], [x, y, z]) =>
        [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
    const luminance = (colour) => {
        const [r, g, b] = colour.map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim(), own = walker.currentNode.parentElement;
        const box = own.getBoundingClientRect(), style = getComputedStyle(own);
        const hidden = !text || !own.checkVisibility({ visibilityProperty: true }) ||
            box.width < 2 ||
            own.closest("script, style, [disabled], [aria-disabled=true], .z-live") ||
            own.closest("[data-testid=stSliderTickBar]");  // shown under the pointer alone
        if (hidden || style.fontFamily.includes("Material")) continue;
        const svg = own.closest("svg");
        let colour = rgba(svg ? style.fill : style.color), behind = [], strength = 1;
        for (let one = own; one; one = one.parentElement) {
            const of = getComputedStyle(one);
            strength *= +of.opacity;
            // The value of a slider stands above its thumb, not on it.
            if (one.querySelector(":scope > [data-testid=stSliderThumbValue]")) continue;
            behind.push(rgba(of.backgroundColor));
            if (behind.at(-1)[3] === 1) break;
        }
        const white = [255, 255, 255, 1];
        const ground = behind.reduceRight((under, one) => over(one, under), white);
        if (strength < 0.05) continue;
        colour[3] *= strength;
        const both = [over(colour, ground), ground].map(luminance).sort((a, b) => b - a);
        const contrast = (both[0] + 0.05) / (both[1] + 0.05);
        const size = parseFloat(style.fontSize), bold = +style.fontWeight >= 600;
        const large = size >= 24 || (bold && size >= 18.66);
        if (contrast < (large ? leastLarge : least)) {
            found.set(own.className + style.color, `${contrast.toFixed(2)} "${text.slice(0, 40)}" `
                + `in ${own.closest("[data-testid]")?.dataset.testid}`);
        }
    }
    return [...found.values()];
}"""
# Controls and texts that reach out of the window sideways.
OUTSIDE = """() => [...document.querySelectorAll(
    "button, input, textarea, p, label, h1, h2, h3, [data-testid=stMetricValue], .z-root, canvas")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .filter((one) => !one.closest(
        "[data-testid=stSidebar][aria-expanded=false], [data-testid=stMultiSelectTagsContainer]"))
    .filter((one) => { const box = one.getBoundingClientRect();
        return box.width > 2 && (box.right > innerWidth + 1 || box.left < -1); })
    .map((one) => `${one.tagName} "${one.textContent.slice(0, 40)}" in `
        + one.closest("[data-testid]")?.dataset.testid)"""


@pytest.fixture(scope="module")
def address(serve, shared_home):
    """address(page) of the app for that user."""
    server = serve("app.py", ZSAD_HOME=str(shared_home))
    return lambda page: server.address(page, **CHOICE, method="winclip", setup="zero-shot")


@pytest.fixture
def shown(browser, address):
    """shown(page, width, height, scale) is that page once it is drawn."""
    contexts = []

    def show(page, width, height, scale=1):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
        )
        contexts.append(context)
        opened = context.new_page()
        opened.set_default_timeout(180_000)
        opened.goto(address(page))
        mark = {"Explore": ".z-root[data-slice]", "": "[data-testid=stMetric]"}
        opened.locator(mark.get(page, "[data-testid=stMain] p:visible")).first.wait_for()
        opened.locator('[data-testid="stStatusWidget"]').wait_for(state="detached")
        opened.wait_for_timeout(300)
        return opened

    yield show
    for context in contexts:
        context.close()


def faint(page):
    """Texts that stay faint: what is drawn anew fades for a moment."""
    for _ in range(20):
        found = page.evaluate(FAINT, [LEAST, LEAST_LARGE])
        if not found:
            break
        page.wait_for_timeout(500)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_every_text_stands_out_from_its_ground(shown, path):
    page = shown(path, 1440, 900)
    for opened in (False, True):
        if opened:
            page.get_by_text("Keys and colours").click()
            page.get_by_text("Colour-blind-safe colours").wait_for()
        grounds = set()
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(300)
            grounds.add(
                page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
            )
            assert faint(page) == [], theme
        assert len(grounds) == 2


def test_letters_grow_with_the_window(shown):
    label = "[data-testid=stSidebar] [data-testid=stWidgetLabel] p"
    small, large = (
        float(page.locator(label).first.evaluate("e => getComputedStyle(e).fontSize")[:-2])
        for page in (shown("", 1440, 900), shown("", 1920, 1080))
    )
    assert small >= 14
    assert large > 1.15 * small


@pytest.mark.parametrize("scale", SIZES)
@pytest.mark.parametrize("path", PAGES)
def test_nothing_reaches_out_of_the_window(shown, path, scale):
    first, *others = SIZES[scale]
    page = shown(path, *first, scale)
    for width, height in (first, *others):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        assert page.evaluate(OUTSIDE) == [], width
