"""What the browser loads: `viewer/`, the modules of the slice viewer.

Streamlit serves the folders that `pyproject.toml` beside this file declares, and finds both by the
name of the installed distribution, in a checkout and in a wheel alike.
"""

from pathlib import Path

VIEWER = Path(__file__).parent / "viewer"
