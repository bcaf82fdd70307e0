"""What makes a folder refuse to be written to, for the rest of a process or for a while."""

import contextlib
import ctypes
import resource
import signal

CAPABILITIES = 0x20080522  # version of the call that gives them up


def full(_):
    """No file may grow, as on a disk without room."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def read_only(folder):
    """Nobody may write there, not even root, who gives up that right."""
    folder.chmod(0o500)
    ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)())


def no_folder(folder):
    """A file stands where a folder should."""
    folder.rmdir()
    folder.write_text("")


@contextlib.contextmanager
def no_room():
    """No file of this process may grow meanwhile, as on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, kept)
