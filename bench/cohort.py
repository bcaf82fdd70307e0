"""Small synthetic subjects by the thousand: whether an evaluation's memory and pace stay flat."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np

from bench.memory import peak_gb
from bench.report import Line
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.inference.engine import Engine
from zsad_core.types import DataSpec, PromptSet

COUNTS = (10, 100, 1000)
SHAPE = (40, 48, 24)  # voxels of 4 mm
CONFIGURATION = Configuration("intensity", "zero-shot", PromptSet("", (), ()))


def measure() -> Iterator[Line]:
    """Lines for each count; each runs in a process of its own, on subjects made beforehand."""
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for number in range(count):
                make(root, number)
            command = [sys.executable, "-m", "bench.cohort", folder]
            measures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        what = f"evaluate {count} small synthetic subjects, intensity"
        yield Line(f"{what}: a subject", measures["seconds"] / count * 1000, "ms")
        yield Line(f"{what}: peak memory", measures["peak_mb"], "MB")


def make(root: Path, number: int) -> None:
    """A ball of noise with a brighter ball in it, in BraTS layout; the name says DEMO."""
    random, middle = np.random.default_rng(number), np.array(SHAPE) / 2
    grid = np.moveaxis(np.indices(SHAPE), 0, -1)
    brain = np.linalg.norm((grid - middle) / middle, axis=-1) < 0.9
    lesion = np.linalg.norm(grid - middle * random.uniform(0.7, 1.3, 3), axis=-1) < 3
    values = np.where(brain, random.integers(200, 400, SHAPE) + 150 * lesion, 0)
    name = f"DEMO-SYN-{number:05d}-000"
    (root / name).mkdir()
    for kind, array in (("t2f", values.astype(np.int16)), ("seg", (lesion * 3).astype(np.uint8))):
        image = nib.Nifti1Image(array, np.diag([4.0, 4.0, 4.0, 1.0]))
        nib.save(image, root / name / f"{name}-{kind}.nii")


def _evaluate(root: Path) -> dict[str, float]:
    """Seconds of the run, without imports, and the peak memory of this process."""
    engine = Engine(device="cpu")
    cohort = Cohort(
        DataSpec("brats", str(root)), (CONFIGURATION,), root / "rows", rules=("oracle",)
    )
    start = time.perf_counter()
    run(engine, cohort, local(engine))
    duration = time.perf_counter() - start
    return {"seconds": duration, "peak_mb": peak_gb() * 1024}


if __name__ == "__main__":
    print(json.dumps(_evaluate(Path(sys.argv[1]))))
