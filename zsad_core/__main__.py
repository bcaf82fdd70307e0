"""`python -m zsad_core`."""

import sys

from zsad_core.cli.main import main

sys.exit(main())
