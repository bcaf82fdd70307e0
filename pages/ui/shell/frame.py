"""What stands round every page: its title, the ways to the others, keys and jobs.

It imports little, so that a new process shows it before the seconds of importing the core.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from pages.ui.shell import audit, login, session, visitors
from pages.ui.shell.jobs import jobs_below
from pages.ui.shell.keyboard import keyboard
from pages.ui.shell.markdown import escape
from pages.ui.shell.steps import begin_steps, write_address
from pages.ui.shell.user import keep_name, user
from zsad_core.base.atomic import on_disk
from zsad_core.base.jobs import on_behalf_of
from zsad_core.errors import ZsadError

# A tower's threads sleep while they wait for each other: pages and browser need the processor.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
PAGES = {
    "app.py": "Start",
    "pages/1_Explore.py": "Explore",
    "pages/2_Prompts.py": "Prompts",
    "pages/3_Depth.py": "Depth",
    "pages/4_Cohort.py": "Cohort",
    "pages/5_Failures.py": "Failures",
    "pages/6_Setup.py": "Setup",
}
PURPOSES = {
    "pages/1_Explore.py": "Scroll through slices with truth and prediction laid over them.",
    "pages/2_Prompts.py": "Edit the texts and see map and numbers change.",
    "pages/3_Depth.py": "Read Dice against depth, of one subject or many.",
    "pages/4_Cohort.py": "Evaluate many subjects; compare series in figures and tables.",
    "pages/5_Failures.py": "See the worst cases by kind, pin them, present them.",
    "pages/6_Setup.py": "Add data, predictions and weights; train; see device and cache.",
}
ICON = str(Path(__file__).with_name("icon.svg"))
STYLE = """<style>
html { font-size: clamp(16px, 1vw, 22px); }  /* all of Streamlit's sizes follow it */
[data-testid="stMainBlockContainer"] { padding: 3.75rem clamp(1rem, 2.5vw, 3rem) 2rem; }
@media (max-width: 1000px) {  /* one below the other */
  .st-key-section > * > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {
    min-width: 100%;
  }
}
[data-testid="stSidebarUserContent"] { padding-top: 0; }
[data-testid="stSidebarUserContent"] hr { margin: 0.25rem 0; }
[data-testid="stSidebarUserContent"] :has(> .st-key-jobs) { position: sticky; bottom: 0; }
[data-testid="stTable"] [data-testid="stMarkdownContainer"] { max-width: none; }
[data-testid="stTable"] td:first-child, [data-testid="stTable"] td:first-child * {
  white-space: nowrap;
}
.st-key-jobs { max-height: 34vh; overflow-y: auto; background: light-dark(#F8F8F7, #161B25); }
.st-key-jobs [data-testid="stPageLink"] p { white-space: normal; }
[data-testid="stProgress"] * { transition: none !important; }  /* it takes a third of a core */
[data-testid="stMetricValue"] { font-size: clamp(1.1rem, 2.2vw, 2.25rem); }
[data-testid="stButtonGroup"] [role="radiogroup"] { flex-wrap: wrap; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.82; }
[data-testid="stPlotlyChart"] :is(
  [class$="title"], [class$="tick"] text, .annotation-text
) { fill: currentColor !important; }
[data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primaryFormSubmit"],
[data-testid="stMultiSelectTagsContainer"] [data-tag] {
  color: light-dark(white, #0E1117);  /* on the primary colour; the themes' own is always white */
}
"""
# The browser keeps a widget whose place another has taken until the run is over.
KEPT = ", ".join(
    f"""[class*="st-key-{key}-"] + [class*="st-key-{key}-"][data-retained="true"]"""
    for key in (choice.key for choice in session.CHOICES)
)


@contextmanager
def page(title: str, at_once: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Draw the frame and what comes `at_once`, then what the block draws.

    The block imports its parts itself, so that they come after the frame.
    """
    session.begin(title)
    session.JOBS_BEFORE.set({**session.JOBS_BEFORE.get(), **session.SHOWN_JOBS.get()})
    session.SHOWN_JOBS.pop()
    st.set_page_config(page_title=f"{title} · ZSAD Explorer", page_icon=ICON, layout="wide")
    if refusal := visitors.refusal():
        st.error(refusal)
        st.stop()
    login.gate()
    audit.note_login()
    st.html(f"{STYLE}{KEPT} {{ display: none; }}\n</style>")
    with st.sidebar:
        for path, label in PAGES.items():
            st.page_link(path, label=label)
        keyboard()
        with st.container(gap=None):
            keep_name()
            begin_steps()
            login.account()
            st.divider()
    for path, label in PAGES.items():
        if label == title and path in PURPOSES:
            st.container(key="purpose").markdown(f"**{title}** · {PURPOSES[path]}")
    at_once()
    with st.spinner("Loading the methods …"):
        from pages.ui.shell import compute
    try:
        with in_words(), on_behalf_of(user()), compute.engine().jobs.drawing():
            yield
            compute.end_jobs_not_shown()
            with st.sidebar:
                write_address("drawn")
    finally:
        with st.sidebar:
            jobs_below(compute.engine().jobs)


@contextmanager
def in_words() -> Iterator[None]:
    """What a user can act on is told as a sentence here; the page ends with it."""
    try:
        with on_disk():
            yield
    except ZsadError as error:
        st.error(escape(str(error)))
        st.stop()


@contextmanager
def of_click() -> Iterator[None]:
    """What is wrong with what was clicked is told beside the page, which goes on.

    The page may run again at once, as when a job ends, and the message has to outlast that.
    """
    try:
        with on_disk():
            yield
    except ZsadError as error:
        st.toast(escape(str(error)), icon=":material/error:", duration="long")
