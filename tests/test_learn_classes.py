"""Classes to learn from: what a table says of images that have no position, and of slices."""

import pandas as pd
import pytest
from competition_tables import (
    OSIC,
    PNEUMONIA,
    RADIOGRAPHS,
    chest_slices,
    radiograph_slices,
    spine_slices,
    written,
)

from helpers import annotation_table, class_table
from helpers.errors import WrongTypeError


def _table_of(slices, classes, names):
    """Annotations that give the images of slices classes, by their UIDs."""
    uids = slices["SOPInstanceUID"].tolist()
    return annotation_table(pd.DataFrame({"image": uids, names: classes}), slices)


def test_radiographs_have_the_class_of_their_boxes(tmp_path):
    slices = radiograph_slices()
    found = class_table(slices, annotation_table(written(tmp_path, PNEUMONIA), slices))
    by_patient = dict(zip(found["patient"], found["class"]))
    assert by_patient == dict(zip(RADIOGRAPHS, ("Target 0", "Target 1", "Target 1")))
    assert found["position"].isna().all()
    assert set(found["left_out"]) == {""}


def test_an_image_with_several_names_has_all_of_them():
    slices = spine_slices()
    one, other = _table_of(slices, "severe", "grade"), _table_of(slices, "canal", "level")
    found = class_table(slices, pd.concat([one, other]))
    assert set(found["class"]) == {"canal, severe"} and len(found) == len(slices)
    assert found["position"].notna().all(), "slices keep theirs"


def test_what_is_said_of_patients_is_no_class_of_an_image(tmp_path):
    slices = chest_slices()
    assert class_table(slices, annotation_table(written(tmp_path, OSIC), slices)).empty


def test_masks_doses_and_pictures_in_colour_are_not_learned_from(phantom_slices):
    some = phantom_slices[phantom_slices["SOPInstanceUID"].notna()]
    annotations = _table_of(some[~some["SOPInstanceUID"].duplicated()], "any kind", "class")
    found = class_table(phantom_slices, annotations)
    assert {"volume", "projection"} <= set(found["kind"]) <= {"volume", "projection", "picture"}
    assert not (found["SamplesPerPixel"] > 1).any()
    assert {"segmentation", "dose"} & set(phantom_slices["kind"]), "there are some"


def test_without_any_annotation_it_is_empty():
    slices = radiograph_slices()
    nothing = _table_of(slices, "one class", "class")[:0]
    assert class_table(slices, nothing).empty and "class" in class_table(slices, nothing)
    assert class_table(slices[:0], nothing).empty
    with pytest.raises(WrongTypeError):
        class_table(slices, None)
