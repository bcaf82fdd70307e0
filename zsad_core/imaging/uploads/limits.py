"""Limits of uploads, checked against the bytes read, not against announced sizes."""

from zsad_core.base.paths import upload_bytes

MB, GB = 2**20, 2**30
FILE = 256 * MB  # of one file as it is sent; `.streamlit/config.toml` says the same
UNPACKED = 512 * MB  # of one NIfTI file without its gzip
AT_ONCE = 1 * GB  # of all files used at once, the entries of archives unpacked
SESSION = 2 * GB  # kept for one user, if ZSAD_UPLOADS_GB says nothing else
EVERYBODY = 20 * GB  # kept for all
SPARE = 1 * GB  # of the disk, left to everything else
ENTRIES = 5000  # files used at once, or in one archive
SCANS = 64  # NIfTI files used at once: each is unpacked to look at it
VOXELS = 512 * 512 * 400
SIDES = (8, 1024)  # voxels along an axis
SPACING_MM = (0.05, 20.0)
HOURS = 24  # until uploads that nobody used are removed


def of_user() -> int:
    """Bytes kept for one user; raises SettingError."""
    return upload_bytes(SESSION)


def summary() -> str:
    """What is taken, in a sentence; raises SettingError."""
    return (
        f"At most {FILE // MB} MB a file, {UNPACKED // MB} MB and {VOXELS / 1e6:.0f} million "
        f"voxels a volume unpacked, {of_user() / GB:g} GB in all."
    )
