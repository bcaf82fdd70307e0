"""The Setup page's encoding of chosen subjects ahead of time."""

import streamlit as st

from pages.ui.shell import compute
from pages.ui.shell.sidebar import UserChoice
from zsad_core.base.jobs import NotedProgress
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.inference import evaluation, pipeline


def pre_encode(choice: UserChoice) -> None:
    """Subjects to encode in the background, so that their maps are quick later."""
    usable = [subject.id for subject in choice.subjects if not subject.problem]
    chosen = st.multiselect("Subjects", usable, default=[choice.subject.id])
    engine, key = compute.engine(), f"pre-encode-{key_of('', data=choice.data)}"
    if compute.show_running(key):
        return
    if (job := engine.jobs.find(key)) is not None:
        st.caption(f"Last run: {'done.' if job.state == 'done' else compute.outcome(job)}")

    def work(progress: NotedProgress) -> None:
        for done, subject in enumerate(chosen):
            progress(done, len(chosen))
            spec = evaluation.of_subject(choice.map, subject)

            def step(part: int, parts: int, at: int = done) -> None:
                progress(at, len(chosen), f"slice {part} of {parts}")

            pipeline.encode(engine, spec, progress=step)
        progress(len(chosen), len(chosen))

    count = f"{len(chosen)} of {counted(len(usable), 'subject')}"
    if st.button(f"Encode {count} for {choice.label}", disabled=not chosen):
        title = f"Pre-encoding for {choice.label}, subjects"
        compute.start(key, title, work, "pages/1_Explore.py")
        st.rerun()
