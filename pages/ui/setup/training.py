"""The Setup page's training: start, watch, cancel, go on; the result is a setup of one's own."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from pages.ui.shell import audit, compute, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.user import home
from zsad_core import methods
from zsad_core.base import settings
from zsad_core.base.jobs import BACKGROUND
from zsad_core.base.wording import counted
from zsad_core.imaging import datasets
from zsad_core.training import examples, own, runs
from zsad_core.training.material import Source, of_scans
from zsad_core.training.own import OwnTraining
from zsad_core.training.runs import TrainRequest
from zsad_core.types import BackboneSpec, Subject


def training() -> None:
    """What runs or was stopped, then a form for another training."""
    for pending in own.pending(home()):
        _begun(pending)
    _ended()
    st.subheader("Train")
    st.caption(
        "Every epoch is saved: a training that was cancelled, or stopped with the app, continues "
        "from there."
    )
    left, right = st.columns(2)
    words = methods.name_of
    method = left.selectbox("Method", methods.trainable(), format_func=words, key="train-method")
    setup = right.selectbox("Training setup", runs.SETUPS, index=2, key="train-setup")
    source = _source(setup)
    with st.form("train", border=False):
        request = _request(method, setup)
        name = st.text_input("Name of the setup", placeholder="my-training", key="train-name")
        if st.form_submit_button("Train"):
            with st.spinner("Checking …"):
                begun = own.begin(name.strip(), replace(request, source=source), home())
            _start(begun)


def _source(setup: str) -> Source:
    left, right = st.columns(2)
    if setup == "industrial":
        what = "A folder of MVTec AD, VisA or BMAD, or with the official meta.json."
        root = left.text_input(
            "Image set", key="train-images", placeholder="Drawn surfaces", help=what
        )
        most = right.number_input("Maximum images (0: all that fit)", 0, key="train-most")
        return Source(root.strip(), images=most)
    roots = settings.data_roots()
    shown = settings.shown_name
    name = left.selectbox("Data", list(roots), format_func=shown, key="train-data")
    spec = roots[name]
    subjects = datasets.open_dataset(spec).subjects()
    modalities = dict.fromkeys(modality for subject in subjects for modality in subject.modalities)
    modality = right.selectbox("Modality", modalities, key=f"train-modality-{name}")
    most = left.number_input("Maximum subjects", 2, value=Source.subjects, key="train-subjects")
    label = "Lesion slices per subject"
    slices = right.number_input(label, 1, value=Source.slices, key="train-slices")
    source = of_scans(spec, modality=modality, subjects=most, slices=slices)
    _who(source, subjects)
    return source


def _who(source: Source, subjects: Sequence[Subject]) -> None:
    """Whom a training learns from and whom it leaves alone; raises DataError."""
    train, held_out = examples.split(subjects, source.modality, source.subjects)
    tests = sum(subject.split == "test" for subject in subjects)
    names = ", ".join(subject.id for subject in train)
    words = f"Trains on {counted(len(train), 'subject')} ({names}), validates on {len(held_out)}. "
    excluded = f"{counted(tests, 'test subject')} excluded."
    st.caption(escape(words + (excluded if tests else "No test split is defined for this data.")))


def _request(method: str, setup: str) -> TrainRequest:
    left, right = st.columns(2)
    epochs = left.number_input("Maximum epochs (0: the method's own)", 0, key="train-epochs")
    seed = right.number_input("Seed", 0, key="train-seed")
    side = left.number_input("Loss resolution (px)", 16, value=runs.LOSS_SIDE, key="train-side")
    what = "For finetune only; empty: the shipped industrial checkpoint."
    start = right.text_input("Start from checkpoint", key="train-start", help=what)
    backbone = left.text_input("Backbone", placeholder="The setup's", key="train-backbone")
    weights = right.text_input("Weights of that backbone", key="train-weights")
    size = left.number_input("Image size (0: the setup's)", 0, key="train-size")
    return TrainRequest(
        method,
        setup,
        own.folder(home()),
        backbone=BackboneSpec(backbone.strip(), weights.strip()),
        image_size=size,
        epochs=epochs,
        loss_side=side,
        start=start.strip() if setup == "finetune" else "",
        seed=seed,
        device=compute.engine().device,
    )


def _start(own_training: OwnTraining) -> None:
    session.TRAINING_JOB.set(_key(own_training))
    audit.note("training", own_training.title)
    turn = partial(compute.engine().queue.turn, BACKGROUND)
    work = partial(own.run, own_training, turn=turn, home=home())
    compute.start(_key(own_training), f"Training {own_training.title}", work, "pages/6_Setup.py")
    st.rerun()


def _begun(own_training: OwnTraining) -> None:
    """A training that runs, or one that was stopped, with the way to go on or to drop it."""
    if compute.show_running(_key(own_training)):
        return
    job = compute.engine().jobs.find(_key(own_training))
    text, more, drop = st.columns([6, 1, 1], vertical_alignment="center")
    done = runs.epochs_done(own_training.request)
    text.write(f"**{escape(own_training.title)}** was stopped; {counted(done, 'epoch')} saved.")
    if job is not None and job.error:
        st.error(compute.outcome(job))
    if more.button("Continue", key=f"more-{own_training.title}"):
        _start(own_training)
    if drop.button("Discard", key=f"drop-{own_training.title}"):
        own.discard(own_training)
        audit.note("deletion", f"training {own_training.title}")
        st.rerun()


def _ended() -> None:
    """What came of the last training that this session started."""
    job = compute.engine().jobs.find(session.TRAINING_JOB.get())
    if job is None or job.state != "done":
        return
    session.TRAINING_JOB.pop()
    compute.engine().forget()
    st.success(escape(f"{job.title}: {job.note}. Choose it in the sidebar of any page."))


def _key(own_training: OwnTraining) -> str:
    return f"train-{own_training.request.out}"  # of this user's home
