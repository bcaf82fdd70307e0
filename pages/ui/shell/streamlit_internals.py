"""What the app uses of Streamlit's inside: only here, with the reason, and tried by tests."""

from collections.abc import Iterable

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = ["UploadedFile", "let_go"]


def let_go(files: Iterable[UploadedFile]) -> None:
    """Free the bytes of uploaded files.

    By itself a server holds them until the session ends, a gigabyte at a time, whatever becomes of
    the widget; nothing public frees them.
    """
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
