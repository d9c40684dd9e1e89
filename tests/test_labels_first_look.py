"""What is looked at first: the largest label, its middle, the strange ones, a table beside."""

import numpy as np
import pandas as pd
import pytest
from competition_tables import (
    OSIC,
    PNEUMONIA,
    SPINE_POINTS,
    chest_slices,
    numbered_slices,
    radiograph_slices,
    spine_slices,
    table_of,
    written,
)
from label_files import masks, write_images, write_nifti, write_segmentation
from matplotlib import pyplot as plt
from truth_headers import header_frame, header_row

from helpers import (
    annotation_table,
    annotations_beside,
    class_balance,
    header_table,
    label_middle,
    label_table,
    labelled_stack,
    labels_of,
    load_labels,
    show_annotated,
    show_labelled,
    slice_table,
    strangest_labels,
)
from helpers.errors import WrongTypeError
from helpers.labels.labels import Label, LabelError, Labels, Mark


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """An oblique volume with a segmentation and a NIfTI file on it: (Made, sources, table)."""
    folder = tmp_path_factory.mktemp("labelled")
    made = write_images(folder, "oblique")
    write_segmentation(folder / "seg.dcm", made.images, masks())
    write_nifti(folder / "mask.nii", masks()["solid"].astype(np.uint8), made.volume.affine)
    headers = header_table(folder, progress=False)
    slices = slice_table(headers)
    sources = labels_of(headers, slices)
    return slices, made.volume, sources, label_table(sources, slices, progress=False)


def _table(rows, unit="HU"):
    """A table of labels of one name: (ml, mean, sd) each, of patients counted from 0."""
    index = [(f"1.2.{number}", 0, "Liver") for number in range(len(rows))]
    table = pd.DataFrame(rows, columns=["ml", "mean", "sd"])
    table.index = pd.MultiIndex.from_tuples(index, names=["SeriesInstanceUID", "stack", "label"])
    return table.assign(unit=unit)


def test_the_stack_of_the_largest_label_with_all_that_lies_on_it(labelled):
    slices, volume, sources, table = labelled
    stack, source = labelled_stack(slices, sources, table)
    assert stack == table["ml"].idxmax()[:2]
    assert sorted(source["kind"]) == ["NIfTI", "SEG"]
    assert len(load_labels(source, volume, progress=False).masks) == 3


def test_annotations_on_a_volume_where_there_are_no_masks(labelled, tmp_path):
    slices, (_, _, sources, table) = spine_slices(), labelled
    points = annotation_table(written(tmp_path, SPINE_POINTS), slices)
    stack, rows = labelled_stack(slices, sources[:0], table[:0], points)
    assert stack[0].endswith(".702807833") and rows["shape"].tolist() == ["point", "point"]


def test_annotations_beyond_a_gap_lie_on_no_volume(labelled):
    """Of images 1, 2, 3 and 5 of an even series the first three are loaded."""
    slices, (_, _, sources, table) = numbered_slices(5), labelled
    slices = slices[slices["InstanceNumber"] != 4]
    for file, expected in (("5.dcm", None), ("3.dcm", 0)):
        boxes = table_of(image=[file], x=[1], y=[1], width=[3], height=[3])
        stack, _ = labelled_stack(slices, sources[:0], table[:0], annotation_table(boxes, slices))
        assert (stack and stack[1]) == expected


def test_an_error_with_dollars_is_written_as_it_stands(tmp_path):
    slices = radiograph_slices()
    found = annotation_table(written(tmp_path, PNEUMONIA), slices)
    (ax,) = show_annotated(found.assign(path="/gone/a$x_{$.dcm").iloc[[1]])
    assert "a$x_{$.dcm" in ax.texts[0].get_text()
    ax.figure.canvas.draw()
    plt.close(ax.figure)


def test_radiographs_are_no_volume(labelled, tmp_path):
    slices, (_, _, sources, table) = radiograph_slices(), labelled
    boxes = annotation_table(written(tmp_path, PNEUMONIA), slices)
    assert labelled_stack(slices, sources[:0], table[:0], boxes) == (None, None)
    assert labelled_stack(slices, sources[:0], table[:0], boxes[:0]) == (None, None)
    assert labelled_stack(slices, sources[:0], table[:0]) == (None, None)


def test_the_middle_of_a_label_has_half_of_it_on_either_side(labelled):
    _, volume, _, _ = labelled
    mask = masks()["hollow"]
    labels = Labels((mask * np.uint8(1),), volume.affine, mask.shape, (Label("hollow", 1, 0),))
    voxel = np.linalg.solve(volume.affine, [*label_middle(labels), 1])[:3]
    for place, axis in zip(voxel, range(3)):
        beside = np.moveaxis(mask, axis, 0)
        assert beside[: round(place)].sum() <= mask.sum() / 2
        assert beside[round(place) + 1 :].sum() <= mask.sum() / 2
    assert (label_middle(labels, "hollow") == label_middle(labels)).all()


def test_the_middle_of_marks_and_of_nothing():
    box = ((0, 0, 4), (2, 0, 4), (2, 6, 4), (0, 6, 4))
    marked = Labels((), np.eye(4), (9, 9, 9), (Label("box", 1),), (Mark(1, "box", box),))
    assert label_middle(marked).tolist() == [1, 3, 4]
    with pytest.raises(LabelError, match=r"^expected a label with voxels or marks, got Labels on"):
        label_middle(Labels((), np.eye(4), (9, 9, 9), ()))
    with pytest.raises(WrongTypeError):
        label_middle(None)


def test_the_strangest_first_and_in_words():
    found = strangest_labels(
        _table(
            [(1500, 60, 10), (1600, 61, 10), (0, np.nan, np.nan), (1500, -700, 10), (375, 60, 10)]
        )
    )
    assert found["why"].tolist() == [
        "0 ml; usual is 1500 ml",
        "mean -700 HU; usual is 60 HU",
        "375 ml; usual is 1500 ml",
        "mean 61 HU; usual is 60 HU",
    ]
    assert found["times"].tolist() == pytest.approx([0, 1, 0.25, 1600 / 1500])
    assert len(strangest_labels(_table([(1500, 60, 10)] * 3 + [(9, 60, 10)]), most=1)) == 1


def test_nothing_is_strange_where_nothing_is_usual():
    assert strangest_labels(_table([(1500, 60, 10), (3, -900, 10)])).empty
    assert strangest_labels(_table([(1500, 60, 10)] * 5)).empty
    alone = pd.concat([_table([(9, 1, 1)] * 2), _table([(9, 100, 1)] * 2, unit="SUVbw")])
    assert strangest_labels(alone).empty, "values of two units are not compared"
    unread = _table([(np.nan, np.nan, np.nan)] * 5)
    assert strangest_labels(unread).empty


def test_labels_of_a_table_are_drawn_where_they_are_largest(labelled):
    slices, _, _, table = labelled
    axes = show_labelled(table, slices)
    assert [ax.get_title() for ax in axes] == [
        f"{name}: {ml:.3g} ml" for name, ml in zip(table.index.get_level_values(2), table["ml"])
    ]
    assert all(ax.images and len(ax.collections) == 1 for ax in axes)
    strange = show_labelled(table.assign(why="because $x$"), slices, most=1)
    assert [ax.get_title().splitlines()[1] for ax in strange] == ["because $x$"]
    plt.close("all")


def test_a_label_that_cannot_be_read_any_more_is_said_in_its_place(labelled):
    slices, _, _, table = labelled
    (ax,) = show_labelled(table.assign(path="/nowhere/seg.dcm"), slices, most=1)
    assert "/nowhere/seg.dcm" in ax.texts[0].get_text() and not ax.images
    (line,) = show_labelled(table[:0], slices)
    assert line.texts[0].get_text() == "There is no label with voxels here"
    plt.close("all")


def test_annotated_images_are_drawn_each_name_first(labelled):
    slices, *_ = labelled
    rows = slices[slices["kind"] == "volume"].reset_index()
    boxes = pd.DataFrame(
        {
            "SOPInstanceUID": rows["SOPInstanceUID"].iloc[[0, 0, 1, 2]].tolist(),
            "class": ["nodule", "nodule", "nodule", "cyst"],
            **{"x": 2.5, "y": 1.0, "width": 3.0, "height": 4.0},
        }
    )
    annotations = annotation_table(boxes, slices)
    axes = show_annotated(annotations)
    assert [ax.get_title() for ax in axes] == ["nodule", "cyst", "nodule"]
    assert [len(ax.patches) for ax in axes] >= [2, 1, 1]
    assert len(show_labelled(annotations, slices, most=2)) == 2
    (line,) = show_annotated(annotations[:0])
    assert line.texts[0].get_text() == "No single image is annotated"
    plt.close("all")


# a table beside the collection


def _on_disk(folder):
    """Radiographs as they are, said to lie in a folder."""
    slices = radiograph_slices()
    paths = [
        str(folder / path.rpartition("/")[2]) for path in slices.index.get_level_values("path")
    ]
    named = slices.reset_index()
    named["path"] = paths
    return named.set_index(slices.index.names)


def test_the_table_with_most_places_is_found(tmp_path, capsys):
    slices = _on_disk(tmp_path)
    patients = "".join(f"{one},{number % 2}\n" for number, one in enumerate(slices["PatientID"]))
    written(tmp_path, f"Patient,class\n{patients}", name="a_classes.csv")
    written(tmp_path, PNEUMONIA, name="boxes.csv")
    written(tmp_path, "colour,size\nred,1\n", name="other.csv")
    (tmp_path / "broken.csv").write_bytes(b"\x00\xff\x00")
    found = annotations_beside(slices)
    assert found["source"].unique().tolist() == [str(tmp_path / "boxes.csv")]
    said = capsys.readouterr().out
    assert said.startswith(f"Annotations: 5 of {tmp_path / 'boxes.csv'}") and said.count("\n") == 1
    assert annotations_beside(slices, tmp_path / "a_classes.csv")["shape"].eq("class").all()


def test_a_column_of_the_table_beside_can_be_chosen(tmp_path):
    slices = _on_disk(tmp_path)
    first, second, *_ = slices["PatientID"]
    written(tmp_path, PNEUMONIA, name="boxes.csv")
    text = f"PatientID,cancer,view\n{first},1,MLO\n{second},0,CC\n"
    written(tmp_path, text, name="classes.csv")
    found = annotations_beside(slices, columns={"class": "cancer"})
    assert found["name"].tolist() == ["cancer 1", "cancer 0"]
    found = annotations_beside(slices, tmp_path / "classes.csv", columns={"class": "view"})
    assert found["name"].tolist() == ["MLO", "view CC"]


def test_no_table_beside_is_said_and_is_empty(tmp_path, capsys):
    written(tmp_path, OSIC)
    found = annotations_beside(_on_disk(tmp_path))
    assert found.empty and class_balance(found).empty
    assert capsys.readouterr().out == (
        "Annotations: no CSV file beside the collection says anything of its images\n"
    )
    columns = [*annotation_table(written(tmp_path, OSIC), chest_slices())]
    assert [*found] == columns, "those of annotation_table"
    with pytest.raises(LabelError, match=r"^expected a path of a CSV file, or a table, got"):
        annotations_beside(chest_slices(), tmp_path / "nowhere.csv")


def test_a_collection_without_images_has_no_table(capsys):
    slices = slice_table(header_frame([header_row("/data/1.dcm", Rows=None, Columns=None)]))
    assert slices.empty and annotations_beside(slices).empty
