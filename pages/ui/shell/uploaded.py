"""A user's own files, in this browser: brought, listed, removed, and seen by nobody else.

Who somebody is, the browser says: the random cookie that Streamlit gives it against forged requests
is the same in all its tabs and after a reload, and is known to no other.
"""

from collections.abc import Sequence
from typing import NoReturn

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.ui.shell import compute
from zsad_core.base import settings
from zsad_core.imaging.datasets import uploaded
from zsad_core.imaging.uploads import folders, limits
from zsad_core.imaging.uploads.receive import Outcome, receive
from zsad_core.types import DataSpec

COOKIE = "_streamlit_xsrf"
KINDS = (
    "NIfTI (.nii, .nii.gz), with its mask as NAME_seg or NAME_mask; DICOM slices of MR series, "
    "loose or as a folder; or a zip of these. The end of a name tells the modality (_t2f, _flair, "
    "_t1c, _t1, _t2)."
)
KEPT = (
    f"Nobody else sees them. They stay until you remove them, or {limits.HOURS} hours after you "
    "last looked at them. Of DICOM only voxels and geometry are kept, no name and no number of a "
    "patient. Every label above 0 of a mask is truth. A prompt set that you save is there for "
    "everybody and names the subjects it was tuned on."
)


def roots() -> dict[str, DataSpec]:
    """The data sets to choose from, by the name shown; this user's uploads among them."""
    own = folders.data_of(_token())
    return settings.data_roots() | ({uploaded.TITLE: own} if own else {})


def uploads() -> None:
    """The Setup page's part: choose files, use them, see what became of each, remove."""
    with st.container(border=True):
        st.markdown("**Your files, in this browser**")
        st.caption(f"{KINDS} {limits.SAID}")
        files = _chosen()
        label = f"Use {len(files)} files" if files[1:] else "Use the file"
        if sum(file.size for file in files) > limits.AT_ONCE:
            much = f"More than {limits.AT_ONCE // limits.GB} GB at once; use fewer."
            _done(files, [Outcome(f"{len(files)} files", "", much)])
        if st.button(label, type="primary", disabled=not files, key="upload-use"):
            with st.spinner("Checking the files …", show_time=True):
                place = folders.own_folder(_token())
                _done(files, receive(place, [(file.name, file) for file in files]))
        found = st.session_state.get("upload_outcomes", [])
        _list({one.subject: one.said for one in found})
        _refused([one for one in found if not one.subject])
        st.caption(KEPT)


def _chosen() -> list[UploadedFile]:
    turn = st.session_state.setdefault("upload_turn", 0)
    found: list[UploadedFile] = []
    kinds = {"Files": True, "A folder": "directory"}
    for column, (label, several) in zip(st.columns(2), kinds.items(), strict=True):
        found += column.file_uploader(
            label,
            accept_multiple_files=several,
            key=f"upload-{label}-{turn}",
            max_upload_size=limits.FILE // limits.MB,
        )
    return found


def _done(files: Sequence[UploadedFile], found: Sequence[Outcome]) -> NoReturn:
    """Keep what is to be said, and let go of the bytes, which the server holds for the session."""
    st.session_state["upload_outcomes"] = found
    st.session_state["upload_turn"] += 1
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
    st.rerun()


def _list(said: dict[str, str]) -> None:
    """A row a subject, with what was found in it where it came just now."""
    if folders.data_of(_token()) is None:
        return
    st.success(f"Ready, under Data in the sidebar as '{uploaded.TITLE}':")
    place = folders.own_folder(_token())
    for name in folders.subjects(place):
        row, show, drop = st.columns([6, 1, 1], vertical_alignment="center")
        row.text(f"{name}: {said[name]}" if name in said else name)
        if show.button("Explore", key=f"upload-show-{name}", width="stretch"):
            st.session_state["_data"], st.session_state["_subject"] = uploaded.TITLE, name
            compute.go("pages/1_Explore.py", data=uploaded.TITLE, subject=name)
        if drop.button("Remove", key=f"upload-drop-{name}", width="stretch"):
            folders.remove(compute.engine().store, place, name)
            compute.engine().forget()
            st.rerun()


def _refused(found: Sequence[Outcome]) -> None:
    """One sentence a file, as plain text, since names come from outside."""
    if found:
        st.error(f"{len(found)} refused:")
    for one in found:
        st.text(f"{one.files}: {one.said}")


def _token() -> str:
    """This user's, the same for all pages and tabs; with a session what others left is swept."""
    if "upload_token" not in st.session_state:
        folders.sweep(compute.engine().store)
        st.session_state["upload_token"] = folders.new_token(_secret())
    return st.session_state["upload_token"]


def _secret() -> str:
    """What the cookie hides under a mask that changes: "2|mask|masked|time", in hex; "" without."""
    parts = st.context.cookies.to_dict().get(COOKIE, "").strip("\"'").split("|")
    try:
        mask, masked = (bytes.fromhex(part) for part in parts[1:3])
    except ValueError:
        return ""
    return bytes(one ^ mask[at % len(mask)] for at, one in enumerate(masked)).hex() if mask else ""
