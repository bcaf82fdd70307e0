"""Image sets as they lie on disk: what is read, what parts them, what is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.helpers.image_sets import SETS, bmad, drawn, meta, mvtec, visa, write
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging import image_sets
from zsad_core.imaging.image_sets import Picture
from zsad_core.imaging.image_sets.pictures import opened


@pytest.mark.parametrize("kind", image_sets.LAYOUTS)
def test_a_layout_is_told_by_its_files_and_yields_images_with_masks(kind, tmp_path):
    root = SETS[kind](tmp_path)
    assert image_sets.kind_of(root) == kind
    found = image_sets.pictures(root)
    assert len({p.class_name for p in found}) == 2
    assert sum(not p.abnormal for p in found) in (10, 20)
    for picture in found:
        image, mask = image_sets.read(picture)
        assert image.shape == (*mask.shape, 3)
        assert mask.any() == (picture.mask is not None)
        assert picture.abnormal or picture.mask is None


@pytest.mark.parametrize("kind", image_sets.LAYOUTS)
def test_pixels_and_masks_are_those_of_the_files(kind, tmp_path):
    root = SETS[kind](tmp_path)
    picture = next(p for p in image_sets.pictures(root) if p.mask is not None)
    image, mask = image_sets.read(picture)
    assert mask.sum() == 24 * 24
    assert image[mask].mean() > image[~mask].mean() + 100


def test_one_class_or_one_set_is_a_root_too(tmp_path):
    mvtec(tmp_path / "mvtec")
    bmad(tmp_path / "bmad", masks="label")
    assert {p.class_name for p in image_sets.pictures(tmp_path / "mvtec/nut")} == {"nut"}
    assert {p.class_name for p in image_sets.pictures(tmp_path / "bmad/Brain_AD")} == {"Brain"}


def test_what_is_known_by_labels_alone_has_no_mask(tmp_path):
    found = image_sets.pictures(bmad(tmp_path))
    assert {p.class_name for p in found if p.abnormal and p.mask is None} == {"Chest"}
    assert sum(p.abnormal and p.mask is None for p in image_sets.pictures(meta(tmp_path))) == 1


def test_slices_of_a_patient_stay_together(tmp_path):
    found = image_sets.pictures(bmad(tmp_path, count=20))
    train, held_out, rule = image_sets.split(found)
    assert rule == "every fifth image or patient, in order of names"
    assert len(held_out) == len(found) / 5
    assert {p.group for p in held_out} == {
        "Brain/00004",
        "Brain/00009",
        "Chest/00004",
        "Chest/00009",
    }
    assert not {p.group for p in held_out} & {p.group for p in train}


def test_of_many_classes_every_fifth_is_held_out_whole(tmp_path):
    found = image_sets.pictures(mvtec(tmp_path, [f"c{i}" for i in range(10)], 1))
    train, held_out, rule = image_sets.split(found)
    assert {p.class_name for p in held_out} == {"c4", "c9"}
    assert len(train) == 16
    assert "every fifth class" in rule


def test_nothing_abnormal_to_hold_out_is_refused(tmp_path):
    found = image_sets.pictures(mvtec(tmp_path, count=2))[:4]
    with pytest.raises(SettingError, match="0 images were found to hold out and none of them"):
        image_sets.split(found)


def _refused(root, words, kind=""):
    with pytest.raises(DataError, match=words) as caught:
        [image_sets.read(picture) for picture in image_sets.pictures(root, kind)]
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_set_is_refused_with_what_is_expected(tmp_path):
    _refused(tmp_path / "none", "There is no folder")
    _refused(tmp_path, r"no image set .* MVTec AD: CLASS/test/good")
    _refused(mvtec(tmp_path), "expected VisA: split_csv/1cls.csv", kind="visa")


def test_a_missing_mask_is_named(tmp_path):
    for kind, mask in (
        ("mvtec", "nut/ground_truth/crack/003_mask.png"),
        ("visa", "candle/Data/Masks/Anomaly/3.png"),
        ("bmad", "Brain_AD/test/Ungood/anomaly_mask/00001_63.png"),
        ("meta", "nut/ground_truth/crack/003_mask.png"),
    ):
        root = SETS[kind](tmp_path / kind)
        (root / mask).unlink()
        _refused(root, f"The mask '{root / mask}' of '.*3.*' is missing")


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    root = mvtec(tmp_path)
    (root / "nut/test/good/001.png").write_text("no image")
    _refused(root, "good/001.png' cannot be read as an image")


def test_a_mask_of_another_size_is_named(tmp_path):
    root = mvtec(tmp_path)
    write(root / "nut/ground_truth/crack/001_mask.png", drawn(0, True, (9, 9))[0])
    _refused(root, "001_mask.png' has 9 x 9 pixels and its image 60 x 50")


def test_indexes_that_lack_something_are_named(tmp_path):
    root = visa(tmp_path / "visa")
    path = root / "split_csv/1cls.csv"
    lines = path.read_text()
    path.write_text(lines.replace(",candle/Data/Masks/Anomaly/2.png", ","))
    _refused(root, "names no mask for 'candle/Data/Images/Anomaly/2.JPG'")
    path.write_text(lines.replace("object,", "thing,"))
    _refused(root, "lacks the columns object")
    root = meta(tmp_path / "meta")
    index = json.loads((root / "meta.json").read_text())
    index["test"]["nut"][0]["img_path"] = "gone.png"
    (root / "meta.json").write_text(json.dumps(index))
    _refused(root, "The image '.*gone.png' of '.*meta.json' is missing")
    for broken in ("{", '{"train": {}}', '{"test": {"nut": [{"anomaly": 1}]}}'):
        (root / "meta.json").write_text(broken)
        _refused(root, "meta.json' cannot be read")


def test_a_set_without_defects_is_refused(tmp_path):
    for name in ("nut", "tile"):
        write(tmp_path / name / "test/good/0.png", drawn(0, False)[0])
        (tmp_path / name / "ground_truth").mkdir()
    _refused(tmp_path, "holds 2 images of its test part and none with a defect")


def test_a_mask_is_cut_where_its_set_says(tmp_path):
    write(tmp_path / "i.png", np.zeros((2, 2), np.uint8))
    write(tmp_path / "m.png", np.array([[0, 1], [127, 128]], np.uint8))
    paths = {"image": tmp_path / "i.png", "mask": tmp_path / "m.png"}
    picture = Picture(class_name="nut", abnormal=True, **paths)
    assert image_sets.read(picture)[1].tolist() == [[False, True], [True, True]]
    half = Picture(class_name="Brain", abnormal=True, above=127, **paths)
    assert image_sets.read(half)[1].tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize("name", ["s16.png", "s16.tif", "float.tif", "signed.tif", "i32.tif"])
def test_grey_of_more_than_8_bits_keeps_its_range(tmp_path, name):
    grey = np.zeros((32, 32))
    grey[4:28, 4:28], grey[10:14, 20:24] = 600, 1500
    kind = {"s16.png": np.uint16, "s16.tif": np.uint16, "i32.tif": np.int32}.get(name, np.float32)
    values = grey / 1500 if name == "float.tif" else grey - 300 * (name == "signed.tif")
    Image.fromarray(values.astype(kind)).save(tmp_path / name)
    np.testing.assert_array_equal(np.asarray(opened(tmp_path / name)), grey / 1500 * 255)


def test_grey_that_fits_8_bits_stays_as_it_is_and_what_is_no_number_is_refused(tmp_path):
    grey = np.array([[0, 7], [100, 200]])
    for name, values in (("a.png", grey.astype(np.uint16)), ("b.tif", grey.astype(np.float32))):
        Image.fromarray(values).save(tmp_path / name)
        np.testing.assert_array_equal(np.asarray(opened(tmp_path / name)), grey)
    for name, values in (("zero.tif", grey * 0.0), ("nan.tif", grey * np.nan)):
        Image.fromarray(values.astype(np.float32)).save(tmp_path / name)
    assert not np.asarray(opened(tmp_path / "zero.tif")).any()
    with pytest.raises(DataError, match=r"nan\.tif' holds NaN or infinite pixels"):
        opened(tmp_path / "nan.tif")
