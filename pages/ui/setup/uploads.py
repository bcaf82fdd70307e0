"""The Setup page's uploads: a user's own files, chosen, checked, listed and removed."""

from collections.abc import Sequence
from typing import Literal, NoReturn

import streamlit as st

from pages.ui.shell import audit, compute, login, navigate, session
from pages.ui.shell.navigate import Target
from pages.ui.shell.streamlit_internals import UploadedFile, let_go
from pages.ui.shell.uploaded import token
from zsad_core.base.wording import counted
from zsad_core.imaging.datasets.uploaded import TITLE
from zsad_core.imaging.uploads import folders, limits
from zsad_core.imaging.uploads.receive import Outcome, receive

KINDS = (
    "NIfTI (.nii, .nii.gz), with its mask as NAME_seg or NAME_mask; DICOM slices of MR series, "
    "loose or as a folder; or a zip of these. The end of a name tells the modality (_t2f, _flair, "
    "_t1c, _t1, _t2)."
)
KEPT = (
    f"Nobody else sees them. They are kept until you remove them, or for {limits.HOURS} hours "
    "after you last looked at them. Of DICOM only voxels and geometry are kept, no name and no "
    "number of a patient. Every label above 0 of a mask is truth. A prompt set names the subjects "
    "it was tuned on."
)


def uploads() -> None:
    """The Setup page's part: choose files, use them, see what became of each, remove."""
    with st.container(border=True):
        where = "" if login.required() else ", in this browser"
        st.markdown(f"**Your files{where}**")
        st.caption(f"{KINDS} {limits.summary()}")
        files = _chosen()
        label = f"Use {counted(len(files), 'file')}" if files else "Use the files"
        if sum(file.size for file in files) > limits.AT_ONCE:
            much = f"More than {limits.AT_ONCE // limits.GB} GB at once; use fewer."
            _done(files, [Outcome(counted(len(files), "file"), "", much)])
        if st.button(label, type="primary", disabled=not files, key="upload-use"):
            with st.spinner("Checking the files …", show_time=True):
                place = folders.own_folder(token())
                outcomes = receive(place, [(file.name, file) for file in files])
                audit.note(
                    "upload", ", ".join(outcome.subject for outcome in outcomes if outcome.subject)
                )
                _done(files, outcomes)
        last_outcomes = session.UPLOAD_OUTCOMES.get()
        _list({outcome.subject: outcome.message for outcome in last_outcomes})
        _refused([outcome for outcome in last_outcomes if not outcome.subject])
        saved = "publish" if login.required() else "save"
        st.caption(f"{KEPT} A prompt set that you {saved} is there for everybody.")


def _chosen() -> list[UploadedFile]:
    turn = session.UPLOAD_TURN.get()
    files: list[UploadedFile] = []
    kinds: dict[str, Literal[True, "directory"]] = {"Files": True, "A folder": "directory"}
    for column, (label, several) in zip(st.columns(2), kinds.items(), strict=True):
        files += column.file_uploader(
            label,
            accept_multiple_files=several,
            key=f"upload-{label}-{turn}",
            max_upload_size=limits.FILE // limits.MB,
        )
    return files


def _done(files: Sequence[UploadedFile], outcomes: Sequence[Outcome]) -> NoReturn:
    """Keep what is to be said, and let go of the bytes, which the server holds for the session."""
    session.UPLOAD_OUTCOMES.set(outcomes)
    session.UPLOAD_TURN.set(session.UPLOAD_TURN.get() + 1)
    let_go(files)
    st.rerun()


def _list(messages: dict[str, str]) -> None:
    """A row a subject, with what was found in it where it came just now."""
    if folders.data_of(token()) is None:
        return
    st.success(f"Ready, under Data in the sidebar as '{TITLE}':")
    place = folders.own_folder(token())
    for name in folders.subjects(place):
        row, show, drop = st.columns([6, 1, 1], vertical_alignment="center")
        row.text(f"{name}: {messages[name]}" if name in messages else name)
        if show.button("Explore", key=f"upload-show-{name}", width="stretch"):
            navigate.to(Target(name, data=TITLE))
        if drop.button("Remove", key=f"upload-drop-{name}", width="stretch"):
            folders.remove(compute.store(), place, name)
            audit.note("deletion", f"uploaded {name}")
            compute.engine().forget()
            st.rerun()


def _refused(outcomes: Sequence[Outcome]) -> None:
    """One sentence a file, as plain text, since names come from outside."""
    if outcomes:
        st.error(f"{len(outcomes)} refused:")
    for outcome in outcomes:
        st.text(f"{outcome.files}: {outcome.message}")
