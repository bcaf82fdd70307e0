"""Small BraTS folders: patients at several time points, a bright lesion in each scan."""

import nibabel as nib
import numpy as np

from zsad_core.types import DataSpec


def patients(root, count=10, points=2):
    """The data of a new folder below `root`, scans of 20 × 24 × 8 voxels of 16 mm³."""
    rng = np.random.default_rng(0)
    for patient in range(count):
        for point in range(points):
            name = f"BraTS-MET-{patient:05d}-{point:03d}"
            folder = root / "data" / name
            folder.mkdir(parents=True)
            values = np.zeros((20, 24, 8), np.float32)
            values[4:15, 5:19, 2:6] = 100 + rng.random((11, 14, 4))
            values[8:11, 9:13, 3:5] = 220
            for end, array in (("t2f", values), ("seg", (values > 200).astype(np.uint8))):
                image = nib.Nifti1Image(array, np.diag([2.0, 2, 4, 1]))
                nib.save(image, folder / f"{name}-{end}.nii.gz")
    return DataSpec("brats", str(root / "data"))


def half_masks(root):
    """A folder of masks of another model: half the lesion of each of `patients`."""
    folder = root / "masks"
    folder.mkdir()
    for path in sorted((root / "data").glob("*/*-seg.nii.gz")):
        image = nib.load(path)
        mask = np.asarray(image.dataobj)
        mask[9:] = 0
        nib.save(nib.Nifti1Image(mask, image.affine), folder / f"{path.parent.name}.nii.gz")
    return folder
