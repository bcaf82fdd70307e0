"""Small image sets as a user could have them: real files in each layout."""

import json

import numpy as np
from PIL import Image


def drawn(seed, abnormal, size=(60, 50)):
    """Noise (H, W, 3), and a mask with a bright square where it is abnormal."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 90, (size[1], size[0], 3), np.uint8)
    mask = np.zeros((size[1], size[0]), bool)
    if abnormal:
        top, left = rng.integers(0, 20, 2)
        mask[top : top + 24, left : left + 24] = True
        image[mask] += 150
    return image, mask


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def mvtec(root, classes=("nut", "tile"), count=5):
    """As many normal and abnormal images of each class, grey and colour, of two sizes."""
    for number, name in enumerate(classes):
        write(root / name / "train/good/000.png", drawn(0, False)[0])
        for i in range(count):
            image, _ = drawn(i, False)
            write(root / name / f"test/good/{i:03d}.png", image if i % 2 else image[..., 0])
            image, mask = drawn(100 * number + i, True, (60, 50) if i % 2 else (44, 64))
            write(root / name / f"test/crack/{i:03d}.png", image)
            masks = root / name / "ground_truth/crack"
            write(masks / f"{i:03d}_mask.png", mask.astype(np.uint8) * 255)
    return root


def visa(root, count=5):
    """Masks hold the number of a defect's kind, as VisA's do."""
    rows = ["object,split,label,image,mask"]
    for name in ("candle", "pcb1"):
        for i in range(count):
            normal, bad = (f"{name}/Data/Images/{part}/{i}.JPG" for part in ("Normal", "Anomaly"))
            mask = f"{name}/Data/Masks/Anomaly/{i}.png"
            write(root / normal, drawn(i, False)[0])
            image, inside = drawn(i, True)
            write(root / bad, image)
            write(root / mask, inside.astype(np.uint8) * (1 + i))
            rows += [f"{name},test,normal,{normal},", f"{name},test,anomaly,{bad},{mask}"]
        rows.append(f"{name},train,normal,{name}/Data/Images/Normal/none.JPG,")
    path = root / "split_csv/1cls.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(rows))
    return root


def bmad(root, masks="anomaly_mask", count=10):
    """Two slices a patient; Chest has labels only."""
    for name in ("Brain", "Chest"):
        part = root / f"{name}_AD/test"
        for i in range(count):
            slice_name = f"{i // 2:05d}_{60 + i}.png"
            write(part / "good/img" / slice_name, drawn(i, False)[0][..., 0])
            image, inside = drawn(50 + i, True)
            write(part / "Ungood/img" / slice_name, image[..., 0])
            if name == "Brain":
                write(part / "Ungood" / masks / slice_name, inside.astype(np.uint8) * 255)
    return root


def meta(root, classes=("nut", "tile"), count=5):
    """The official index over MVTec's files, and one abnormal image without mask."""
    mvtec(root, classes, count)
    index = {}
    for name in classes:
        rows = index[name] = []
        for i in range(count):
            crack = f"{name}/ground_truth/crack/{i:03d}_mask.png"
            for kind, mask in (("good", ""), ("crack", crack)):
                row = {"img_path": f"{name}/test/{kind}/{i:03d}.png", "mask_path": mask}
                rows.append({**row, "cls_name": name, "anomaly": int(kind == "crack")})
    write(root / "more.png", drawn(9, True)[0])
    index["nut"].append({"img_path": "more.png", "mask_path": "", "anomaly": 1})
    (root / "meta.json").write_text(json.dumps({"train": {}, "test": index}))
    return root


SETS = {"mvtec": mvtec, "visa": visa, "bmad": bmad, "meta": meta}
