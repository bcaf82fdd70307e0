"""`python -m zsad_core`."""

import sys

from zsad_core.cli import main

sys.exit(main())
