"""SciPy's statistics beside a torch that is being imported."""

import os
import subprocess
import sys

SLOW = "import time; time.sleep(8)\nclass Tensor: ..."
IMPORTS = """
import sys, threading
import numpy as np
import zsad_core.report.figures
assert not {"torch", "scipy.stats"} & {*sys.modules}
threading.Thread(target=__import__, args=("torch",)).start()
while "torch" not in sys.modules: pass
from zsad_core.metrics.intervals import intervals
intervals([*"abc"], np.zeros(3, int), np.arange(3.0), np.ones(3))
"""


def test_a_torch_that_another_thread_imports_is_waited_for(tmp_path):
    """This one is slow; and who only reads rows imports neither."""
    (tmp_path / "torch.py").write_text(SLOW)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", ""), os.getcwd()])
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
