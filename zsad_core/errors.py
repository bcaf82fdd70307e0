"""What can go wrong in a way that a user can act on.

    ZsadError
    ├── DataError       a scan, a mask or a folder is not as it must be
    ├── WeightsError    a backbone or a checkpoint is missing or does not fit
    ├── PromptError     a prompt set cannot be used
    ├── SettingError    a choice (threshold, size, option) is not possible
    ├── StorageError    a file or folder cannot be written: no room, no rights, no locks
    └── Cancelled       the user stopped the work; what was done is kept

A message says what is wrong, the value seen, and what to do. Programming mistakes stay ValueError.
"""


class ZsadError(Exception):
    """Base of every error that is shown to a user as a sentence, never as a traceback."""


class DataError(ZsadError):
    """A scan, a mask or a folder is not as it must be."""


class WeightsError(ZsadError):
    """A backbone or a checkpoint is missing or does not fit."""


class PromptError(ZsadError):
    """A prompt set cannot be used."""


class SettingError(ZsadError):
    """A choice (threshold, size, option) is not possible."""


class StorageError(ZsadError):
    """A file or folder cannot be written: no room, no rights, no locks."""


class Cancelled(ZsadError):
    """The user stopped the work; what was done is kept."""
