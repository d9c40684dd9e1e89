"""Competitions' tables: what their columns are taken for, and which image each row is tied to."""

import numpy as np
import pandas as pd
import pytest
from competition_tables import (
    OSIC,
    PNEUMONIA,
    PNEUMONIA_CLASSES,
    RADIOGRAPHS,
    SPINE_CLASSES,
    SPINE_POINTS,
    SUBTYPES,
    chest_slices,
    haemorrhage,
    radiograph_slices,
    radiograph_uid,
    spine_slices,
    table_of,
    written,
)
from truth_headers import header_frame, header_row

from helpers import annotation_columns, annotation_table, class_balance
from helpers.errors import WrongTypeError
from helpers.labels.labels import LabelError
from helpers.slices.table import slice_table


@pytest.fixture(scope="module")
def chests():
    return chest_slices()


@pytest.fixture(scope="module")
def radiographs():
    return radiograph_slices()


@pytest.fixture(scope="module")
def spines():
    return spine_slices()


def _roles(table, slices, **options):
    return annotation_columns(table, slices, **options)["role"].to_dict()


# the forms of competitions


def test_osic_speaks_of_patients(chests, tmp_path, capsys):
    path = written(tmp_path, OSIC)
    found = annotation_table(path, chests)
    assert capsys.readouterr().out == (
        f"Annotations: 8 of {path}, 2 without a place; patient by Patient: Patient ID in 3 of 4 "
        "rows; class by Sex, SmokingStatus: 2 classes (a guess)\n"
    )
    assert found["level"].unique().tolist() == ["patient"]
    assert found["name"].tolist()[:2] == ["Male · Sex", "Ex-smoker · SmokingStatus"]
    assert found["PatientID"].tolist() == ["ID00007"] * 4 + ["ID00009"] * 2 + [None] * 2
    assert found["row"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert found["why"].tolist() == [None] * 6 + ["names no patient here"] * 2
    assert found["path"].isna().all() and found["frame"].isna().all()
    numbers = {"Weeks", "FVC", "Percent", "Age"}
    assert {name for name, role in _roles(path, chests).items() if role == "unused"} == numbers


def test_a_measure_of_patients_is_taken_where_it_is_asked_for(chests, tmp_path):
    path = written(tmp_path, OSIC)
    found = annotation_table(path, chests, columns={"value": "FVC", "class": []})
    assert found["name"].unique().tolist() == ["FVC"]
    assert found["value"].tolist() == [2315, 2214, 2061, 1900]


def test_pneumonia_has_boxes_on_radiographs(radiographs, tmp_path):
    path = written(tmp_path, PNEUMONIA)
    found = annotation_table(path, radiographs)
    assert found["shape"].tolist() == ["class", "box", "box", "box", "box"]
    assert found["name"].tolist() == ["Target 0"] + ["Target 1"] * 4
    assert found["value"].tolist() == [0, 1, 1, 1, 1]
    folder = "/data/stage_2_train_images/"
    assert found["path"].tolist() == [
        *(f"{folder}{name}.dcm" for name in (RADIOGRAPHS[0], *[RADIOGRAPHS[1]] * 2)),
        *(f"{folder}{RADIOGRAPHS[2]}.dcm", None),
    ]
    assert found.loc[1, ["x", "y", "width", "height"]].tolist() == [3, 10, 12, 20]
    assert found["why"].tolist() == [None] * 3 + ["reaches beyond the image", "names no image here"]
    assert found["frame"].tolist()[:4] == [0] * 4 and found["level"].eq("image").all()
    columns = annotation_columns(path, radiographs)
    assert columns.loc["patientId", "how"] == "file stem in 4 of 5 rows"
    assert columns["role"].tolist() == ["image", "box", "box", "box", "box", "class"]
    assert not columns["guess"].any()


def test_classes_in_words_have_these_for_names(radiographs, tmp_path):
    found = annotation_table(written(tmp_path, PNEUMONIA_CLASSES), radiographs)
    assert found["name"].tolist() == [
        *("No Lung Opacity / Not Normal", "Lung Opacity", "Lung Opacity", "Normal")
    ]
    balance = class_balance(found)
    assert balance.index.tolist()[0] == "Lung Opacity"
    assert balance.loc["Lung Opacity"].tolist() == [2, 1, 1, 1 / 3]


def test_haemorrhage_has_image_and_class_in_one_column(radiographs, tmp_path):
    images = [*map(radiograph_uid, RADIOGRAPHS), "1.9.9"]
    found = annotation_table(written(tmp_path, haemorrhage(images)), radiographs)
    assert len(found) == len(images) * len(SUBTYPES)
    assert found["name"].tolist()[:4] == [f"{subtype} 0" for subtype in SUBTYPES]
    assert found.loc[found["value"] == 1, "name"].tolist() == ["subdural 1", "any 1"] * 2
    placed = found[found["path"].notna()]
    assert placed["PatientID"].tolist() == [name for name in RADIOGRAPHS for _ in SUBTYPES]
    assert found["why"].tolist()[-4:] == ["names no image here"] * 4
    assert class_balance(found).loc["any 1"].tolist() == [2, 2, 2, 0.5]


def test_spine_points_name_folders_and_instance_numbers(spines, tmp_path):
    path = written(tmp_path, SPINE_POINTS)
    found = annotation_table(path, spines)
    assert found["path"].tolist() == [
        *("/data/train_images/4003253/702807833/3.dcm",),
        *("/data/train_images/4003253/702807833/4.dcm",),
        *("/data/train_images/4646740/3201256954/1.dcm", None),
    ]
    assert found["name"].tolist()[:2] == [
        *("Spinal Canal Stenosis · L1/L2", "Left Neural Foraminal Narrowing · L4/L5")
    ]
    assert found[["x", "y"]].iloc[0].tolist() == [20.25, 30.5]
    assert found["why"].tolist() == [None, None, None, "names no image here"]
    assert _roles(path, spines) == {
        **{"study_id": "study", "series_id": "series", "instance_number": "number"},
        **{"condition": "class", "level": "class", "x": "point", "y": "point"},
    }


def test_spine_classes_speak_of_studies(spines, tmp_path):
    found = annotation_table(written(tmp_path, SPINE_CLASSES), spines)
    assert found["level"].unique().tolist() == ["study"]
    assert found["name"].tolist() == [
        "Normal/Mild · spinal canal stenosis l1 l2",
        "Severe · left neural foraminal narrowing l1 l2",
        "Moderate · spinal canal stenosis l1 l2",
        "Severe · spinal canal stenosis l1 l2",
        "Severe · left neural foraminal narrowing l1 l2",
    ]
    assert found["SeriesInstanceUID"].isna().tolist() == [True, True, False, True, True]
    assert found["why"].tolist() == [None] * 3 + ["names no study here"] * 2


def test_pneumothorax_has_relative_run_lengths(radiographs, tmp_path):
    uids = [radiograph_uid(name) for name in RADIOGRAPHS]
    text = f"ImageId, EncodedPixels\n{uids[0]}, -1\n{uids[1]}, 62 5 55 7\n{uids[2]},2300 200\n"
    path = written(tmp_path, text)
    found = annotation_table(path, radiographs)
    assert found["shape"].tolist() == ["class", "mask", "mask"]
    assert found["name"].tolist() == ["no mask", "mask", "mask"]
    assert found["run_lengths"].tolist() == [None, "relative", "relative"]
    assert found["why"].tolist() == [None, None, "the run lengths do not fit the image"]
    assert annotation_columns(path, radiographs)["how"].iloc[1] == (
        "run lengths of a mask, relative"
    )
    told = annotation_table(path, radiographs, run_lengths="absolute")
    assert told["run_lengths"].tolist() == [None, "absolute", "absolute"]


def test_run_lengths_that_fit_both_forms_are_a_guess(radiographs):
    table = table_of(id=[radiograph_uid(RADIOGRAPHS[0])], rle=["3 4"], organ=["stomach"])
    columns = annotation_columns(table, radiographs)
    assert columns.loc["rle"].tolist() == [
        *("runs", "run lengths of a mask, relative: both forms fit, a guess", True)
    ]
    assert annotation_table(table, radiographs)["name"].tolist() == ["stomach"]


# what names an image


@pytest.mark.parametrize(
    "name",
    [
        "1.2.826.0.1.3680043.8.498.2.7/3",
        "train/ID00007/3.dcm",
        "C:\\data\\train\\ID00007\\3.dcm",
        "ID00007/3",
    ],
)
def test_a_path_and_a_series_with_a_number_name_an_image(name):
    rows = [
        header_row(
            f"/data/train/{patient}/{number}.dcm",
            SeriesInstanceUID=f"1.2.826.0.1.3680043.8.498.2.{patient[-1]}",
            PatientID=patient,
            InstanceNumber=number,
            ImagePositionPatient=(0.0, 0.0, 5.0 * number),
        )
        for patient in ("ID00007", "ID00009")
        for number in range(1, 5)
    ]
    found = annotation_table(table_of(image=[name], label=["a"]), slice_table(header_frame(rows)))
    assert found["path"].tolist() == ["/data/train/ID00007/3.dcm"] and found["why"].isna().all()


def test_columns_that_name_together_and_one_that_is_empty(chests):
    table = table_of(
        PatientID=["ID00007", "ID00009", "ID00009", "ID00007"],
        instance_number=["2", "2", "", "9"],
        label=["a", "b", "c", "d"],
    )
    found = annotation_table(table, chests)
    paths = ["/data/train/ID00007/2.dcm", "/data/train/ID00009/2.dcm", None, None]
    assert found["path"].tolist() == paths
    assert found["level"].tolist() == ["image", "image", "patient", "image"]
    assert found["why"].tolist() == [None, None, None, "names no image here"]


def test_an_image_stored_twice_is_one_and_two_of_one_name_are_none():
    twins = [
        header_row("/a/1.dcm", SOPInstanceUID="1.5", ImagePositionPatient=(0.0, 0.0, 0.0)),
        header_row("/b/1.dcm", SOPInstanceUID="1.5", ImagePositionPatient=(0.0, 0.0, 0.0)),
        header_row("/a/2.dcm", SOPInstanceUID="1.6", ImagePositionPatient=(0.0, 0.0, 2.0)),
        header_row("/b/2.dcm", SOPInstanceUID="1.7", ImagePositionPatient=(0.0, 0.0, 4.0)),
    ]
    slices = slice_table(header_frame(twins))
    table = table_of(sop=["1.5", "1.6"], label=["a", "b"])
    assert annotation_table(table, slices)["path"].tolist() == ["/a/1.dcm", "/a/2.dcm"]
    files = table_of(file_name=["1.dcm", "2.dcm"], label=["a", "b"])
    found = annotation_table(files, slices)
    assert found["path"].tolist() == ["/a/1.dcm", None]
    assert found["why"].tolist() == [None, "names several images here"]


def test_numbers_that_are_names_elsewhere_are_no_names(chests):
    table = table_of(PatientID=["ID00007", "ID00009"], grade=["1", "2"], volume=["1", "3"])
    roles = _roles(table, chests)
    assert roles["grade"] == "class" and roles["PatientID"] == "patient"


def test_measures_that_are_names_of_files_are_no_names():
    """Of one folder, a number is the name of one file, and yet weeks are no images."""
    rows = [
        header_row(f"/a/{n}.dcm", PatientID="one", ImagePositionPatient=(0.0, 0.0, 2.0 * n))
        for n in range(1, 20)
    ]
    table = table_of(
        Patient=["one"] * 6, Weeks=["-4", "5", "6", "12", "18", "104"], Sex=["Male"] * 6
    )
    roles = _roles(table, slice_table(header_frame(rows)))
    assert roles == {"Patient": "patient", "Weeks": "unused", "Sex": "class"}


def test_rows_and_columns_may_stand_in_any_order(spines, tmp_path):
    table = pd.read_csv(written(tmp_path, SPINE_POINTS), dtype=str)
    plain = annotation_table(table, spines)
    turned = annotation_table(table.iloc[::-1, ::-1], spines.iloc[::-1])
    for column in ("path", "x", "y", "why", "stack"):
        again = turned[column].iloc[::-1].reset_index(drop=True)
        pd.testing.assert_series_equal(again, plain[column])


# corrected by arguments


def test_what_a_user_says_of_columns_holds(radiographs):
    table = table_of(
        who=[RADIOGRAPHS[0], "other"],
        a=[1, 2],
        b=[3, 4],
        c=[11, 12],
        d=[23, 24],
        label=["x", "y"],
    )
    told = {"image": "who", "corners": ["a", "b", "c", "d"], "class": "label"}
    found = annotation_table(table, radiographs, columns=told)
    assert found.loc[0, ["x", "y", "width", "height"]].tolist() == [1, 3, 10, 20]
    assert found["why"].tolist() == [None, "names no image here"]
    assert _roles(table, radiographs)["a"] != "corners"


def test_a_column_of_unknown_names_is_kept_where_it_is_asked_for(radiographs):
    table = table_of(image=["p", "q"], label=["x", "y"])
    with pytest.raises(LabelError, match="got none in a table with the columns image, label"):
        annotation_table(table, radiographs)
    found = annotation_table(table, radiographs, columns={"image": "image"})
    assert found["why"].tolist() == ["names no image here"] * 2
    columns = annotation_columns(table, radiographs, columns={"image": "image"})
    assert columns.loc["image", "how"] == "none of its values is a name here"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"picture": "label"}, "expected columns of image, series, study"),
        ({"class": "Label"}, r"expected a column of image, label for class, got 'Label'"),
        ({"box": ["label", "image"]}, "expected 4 columns for box, got 2"),
    ],
)
def test_what_is_not_there_cannot_be_asked_for(radiographs, columns, words):
    table = table_of(image=[RADIOGRAPHS[0]], label=["x"])
    with pytest.raises(LabelError, match=words):
        annotation_table(table, radiographs, columns=columns)


# boxes in other words


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        ("x y width height", (4, 6, 10, 20)),
        ("x_min y_min x_max y_max", (4, 6, 14, 26)),
        ("bbox_x1 bbox_y1 bbox_x2 bbox_y2", (4, 6, 14, 26)),
        ("x_center y_center width height", (9, 16, 10, 20)),
        ("xc yc w h", (0.225, 16 / 60, 0.25, 20 / 60)),
        ("x y w h", ("4,0", "6,0", "10", "20,0")),
    ],
)
def test_boxes_are_read_in_the_words_of_their_columns(radiographs, names, numbers):
    table = pd.DataFrame([[RADIOGRAPHS[0], *numbers]], columns=["image_id", *names.split()])
    found = annotation_table(table, radiographs)
    np.testing.assert_allclose(
        found.loc[0, ["x", "y", "width", "height"]].to_numpy(float), (4, 6, 10, 20)
    )
    assert found["name"].tolist() == ["box"] and found["why"].isna().all()


def test_fractions_of_an_image_are_a_guess(radiographs):
    table = table_of(image=[RADIOGRAPHS[0]], x=[0.5], y=[0.5])
    columns = annotation_columns(table, radiographs)
    assert columns.loc["x"].tolist() == [
        *("point", "a point: x, y, as fractions of the image: a guess", True)
    ]
    assert annotation_table(table, radiographs)[["x", "y"]].iloc[0].tolist() == [20, 30]


def test_points_by_whole_numbers_are_centres_of_pixels(radiographs):
    table = table_of(image=[RADIOGRAPHS[0]], x=[7], y=[9])
    assert annotation_table(table, radiographs)[["x", "y"]].iloc[0].tolist() == [7.5, 9.5]


def test_places_in_millimetres_are_not_read_as_pixels(chests):
    table = table_of(
        seriesuid=["1.2.826.0.1.3680043.8.498.2.00007"],
        **{"coordX": [-12.5], "coordY": [3.0], "coordZ": [9.0], "class": [1]},
    )
    columns = annotation_columns(table, chests)
    with pytest.raises(LabelError, match=r"coordX, coordY, coordZ are x, y and z: a place in mm"):
        annotation_table(table.drop(columns="class"), chests)
    assert columns.loc["coordX", "how"] == "x, y and z: a place in mm, perhaps, not in an image"
    assert annotation_table(table, chests)["shape"].tolist() == ["class"]


def test_boxes_that_are_not_whole_are_kept_with_the_reason(radiographs):
    name = RADIOGRAPHS[0]
    table = table_of(
        image=[name, name, name, name, name, name],
        x=[1, 1, 1, -3, -30, np.nan],
        y=[1, 1, 1, 1, 1, np.nan],
        width=[5, np.nan, 0, 5, 5, np.nan],
        height=[5, 5, 5, 5, 5, np.nan],
    )
    found = annotation_table(table, radiographs)
    assert found["why"].tolist() == [
        *(None, "a number is missing", "the box has no size", "reaches beyond the image"),
        *("lies outside the image", None),
    ]
    assert found["name"].tolist()[-1] == "no box"


def test_a_box_needs_an_image(chests):
    table = table_of(PatientID=["ID00007"], x=[1], y=[2], width=[3], height=[4])
    assert annotation_table(table, chests)["why"].tolist() == [
        "names no image, which a place needs"
    ]


def test_numbers_that_stand_for_words_are_left_to_the_words(radiographs, capsys):
    table = table_of(
        image_id=[*RADIOGRAPHS],
        class_name=["Nodule", "Mass", "Nodule", "Mass"],
        class_id=[3, 7, 3, 7],
        rad_id=["R9", "R8", "R9", "R9"],
    )
    found = annotation_table(table, radiographs)
    assert found["name"].tolist() == ["Nodule", "Mass", "Nodule", "Mass"]
    assert found["by"].tolist() == ["R9", "R8", "R9", "R9"]
    how = annotation_columns(table, radiographs).loc["class_id", "how"]
    assert how == "the same as class_name, in numbers"
    said = "unused by class_id: the same as class_name, in numbers (a guess)"
    assert said in capsys.readouterr().out


def test_a_class_that_goes_with_words_by_chance_is_kept(radiographs):
    table = table_of(image=[*RADIOGRAPHS[:3]], cancer=[0, 1, 1], view=["CC", "MLO", "MLO"])
    found = annotation_table(table, radiographs)
    assert found["name"].tolist()[:4] == ["cancer 0", "view CC", "cancer 1", "MLO · view"]
    table = table_of(image=[*RADIOGRAPHS[:3]], grade=[0, 1, 2], finding=["none", "cyst", "mass"])
    assert _roles(table, radiographs)["grade"] == "unused"


def test_four_numbers_in_one_text_are_a_guess(radiographs):
    table = table_of(image=[*RADIOGRAPHS[:2]], bbox=["[4.5, 6, 10, 20]", ""], label=["mass"] * 2)
    found = annotation_table(table, radiographs)
    assert found["shape"].tolist() == ["box", "class"]
    assert found.loc[0, ["x", "y", "width", "height"]].tolist() == [4.5, 6, 10, 20]
    columns = annotation_columns(table, radiographs)
    assert columns.loc["bbox"].tolist() == [
        *("box", "a box: left, top, width, height, a guess", True)
    ]
    found = annotation_table(table, radiographs, columns={"corners": "bbox"})
    assert found.loc[0, ["x", "y", "width", "height"]].tolist() == [4.5, 6, 5.5, 14]


def test_numbers_that_are_none_are_said(radiographs):
    name = RADIOGRAPHS[0]
    table = table_of(image=[name] * 4, x=[np.inf, 1e308, 3, 4.5], y=[1, 2, 3, 4])
    whys = annotation_table(table, radiographs)["why"].tolist()
    assert whys == ["a number is missing", "lies outside the image", None, None]
    table = table_of(image=[name], bbox=["[1, 1, 1e999, 5]"])
    assert annotation_table(table, radiographs)["why"].tolist() == ["a number is missing"]


def test_boxes_in_arrays_are_read(radiographs):
    boxes = [np.array([4.5, 6, 10, 20]), None]
    table = table_of(image=[*RADIOGRAPHS[:2]], bbox=boxes, label=["mass"] * 2)
    found = annotation_table(table, radiographs)
    assert found.loc[0, ["x", "y", "width", "height"]].tolist() == [4.5, 6, 10, 20]
    assert found["shape"].tolist() == ["box", "class"]


# files of every sort


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_and_encodings(radiographs, tmp_path, encoding, delimiter):
    text = f"image;befund;x;y\n{RADIOGRAPHS[0]};Wirbelkörper gebrochen;7,5;9,25\n"
    text = text.replace(",", "." if delimiter == "," else ",").replace(";", delimiter)
    found = annotation_table(written(tmp_path, text, encoding=encoding), radiographs)
    assert found["name"].tolist() == ["Wirbelkörper gebrochen"]
    assert found[["x", "y"]].iloc[0].tolist() == [7.5, 9.25]


def test_formulas_and_markup_are_texts(radiographs, tmp_path):
    evil = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "+1+1", "@SUM(A1)"]
    table = table_of(image=[*RADIOGRAPHS], label=evil)
    path = tmp_path / "evil.csv"
    table.to_csv(path, index=False)
    assert annotation_table(path, radiographs)["name"].tolist() == [
        *evil[:2],
        "label +1+1",
        evil[3],
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "image\n", "image,label\n"])
def test_an_empty_table_is_said_in_one_line(radiographs, tmp_path, text):
    with pytest.raises(LabelError, match=r"^expected a") as error:
        annotation_table(written(tmp_path, text), radiographs)
    assert "\n" not in str(error.value)


def test_what_is_no_table_is_said(radiographs, tmp_path):
    with pytest.raises(LabelError, match=r"gone\.csv: FileNotFoundError"):
        annotation_table(tmp_path / "gone.csv", radiographs)
    with pytest.raises(WrongTypeError, match="a path of a CSV file, or a table"):
        annotation_table(3, radiographs)
    with pytest.raises(WrongTypeError, match="of slice_table"):
        annotation_table(tmp_path / "a.csv", None)


def test_a_table_that_is_indexed_by_what_it_names(radiographs):
    table = pd.DataFrame({"label": ["mass", "nodule"]}, index=RADIOGRAPHS[:2])
    for index in (table.index, table.index.rename("PatientID")):
        found = annotation_table(table.set_index(index), radiographs)
        assert found["PatientID"].tolist() == [*RADIOGRAPHS[:2]]
    with pytest.raises(LabelError, match="expected columns of different names, got several of a"):
        annotation_table(pd.DataFrame([[1, 2]], columns=["a", "a"]), radiographs)


def test_names_without_anything_to_say_are_refused(radiographs):
    with pytest.raises(LabelError, match="expected a column of classes, boxes, points or run"):
        annotation_table(table_of(image=[*RADIOGRAPHS]), radiographs)


def test_no_row_vanishes(radiographs):
    table = table_of(
        image=[RADIOGRAPHS[0], RADIOGRAPHS[0], "", "gone", RADIOGRAPHS[1]],
        label=["x", "x", "x", "y", ""],
    )
    found = annotation_table(table, radiographs)
    assert found["row"].tolist() == [0, 1, 2, 3, 4]
    assert found["why"].tolist() == [
        *(None, None, "names no image here", "names no image here", "has no class")
    ]
    assert class_balance(found).loc["label x", "annotations"] == 2


def test_a_frame_of_a_file_of_several(radiographs):
    header = header_row("/clip.dcm", NumberOfFrames=3, Modality="CT", ImageOrientationPatient=None)
    slices = slice_table(header_frame([header]))
    assert len(slices) in (1, 3)
    if len(slices) == 3:
        table = table_of(file=["clip.dcm"] * 2, frame=[1, 3], x=[1.5, 2.5], y=[1.5, 2.5])
        assert annotation_table(table, slices)["frame"].tolist() == [0, 2]
        whole = annotation_table(table[["file", "x", "y"]], slices)
        assert whole["why"].unique().tolist() == ["names a file of several frames, and no frame"]


def test_many_rows_take_little_time(radiographs):
    """A large table is looked at in parts; each row is tied to its image all the same."""
    images = [radiograph_uid(name) for name in RADIOGRAPHS] + [f"1.9.{n}" for n in range(60_000)]
    ids = [f"{image}_{subtype}" for image in images for subtype in SUBTYPES]
    found = annotation_table(table_of(ID=ids, Label=["0"] * len(ids)), radiographs)
    assert len(found) == len(ids) and found["path"].notna().sum() == 4 * len(SUBTYPES)
    assert found["why"].value_counts().to_dict() == {"names no image here": 60_000 * len(SUBTYPES)}
