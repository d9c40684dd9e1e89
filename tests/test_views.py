"""Side, view, letters and millimetres of images that are no slices; views drawn as readers hang."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pydicom
import pytest
from kind_collections import write_kind
from matplotlib import pyplot as plt
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from helpers import Slice, header_table, load_slice, show_views, slice_table, why_no_letters
from helpers.errors import WrongTypeError
from helpers.geometry.orientation import EdgeLetters
from helpers.pictures.hanging import TURNS, hung, turned
from helpers.pictures.style import DrawingError
from helpers.pictures.views import MAX_PIXELS, reduced
from helpers.pixels.frame_header import FrameHeader
from helpers.volume.letters import letters_of
from helpers.volume.spacing import spacing_of
from helpers.volume.view import CODES_OF_VIEWS, view_of


def _dataset(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _code(scheme, value, meaning, **values):
    return _dataset(CodingSchemeDesignator=scheme, CodeValue=value, CodeMeaning=meaning, **values)


def _view(**values):
    return view_of(FrameHeader(_dataset(**values)))


CC = _code("SCT", "399162004", "cranio-caudal")


# side and view


def test_a_view_is_what_the_header_says():
    assert _view(ImageLaterality="R", ViewPosition="CC", Modality="MG") == ("R", "CC", "R CC")
    assert _view(Laterality="L", ViewPosition="MLO", BodyPartExamined="BREAST").text == "L MLO"
    assert _view(ViewPosition="PA", BodyPartExamined="CHEST").text == "PA · CHEST"
    assert _view(ViewPosition="LL", ImageLaterality="U").text == "left lateral"
    assert _view(Laterality="L", ViewPosition="LATERAL").text == "L LATERAL"
    assert _view(Laterality="B").text == "both sides" and _view(Laterality="B").side == ""
    for modality in ("CR", "DR", "PX", "XA", "NM", "RTIMAGE"):
        assert _view(Modality=modality, BodyPartExamined="HIP").text == "HIP"
    assert _view(Modality="CT", BodyPartExamined="HIP") == ("", "", ""), "a part is no view"
    assert _view(SeriesDescription="R CC", ProtocolName="LEFT MLO") == ("", "", ""), "no guess"
    assert _view(Laterality="LEFT", ViewPosition="CC") == ("", "CC", "LEFT CC"), "none of R, L"


def test_a_coded_view_stands_with_its_modifiers():
    assert _view(ImageLaterality="L", ViewCodeSequence=[CC]).text == "L CC"
    spot = [_code("SCT", "399055006", "Spot Compression")]
    mlo = _code("SRT", "R-10226", "anything", ViewModifierCodeSequence=spot)
    assert _view(ImageLaterality="L", ViewCodeSequence=[mlo]).text == "L MLO (spot compression)"
    unknown = _code("99X", "1", "sunrise")
    region = [_code("SCT", "72696002", "Knee")]
    view = _view(ImageLaterality="R", ViewCodeSequence=[unknown], AnatomicRegionSequence=region)
    assert view == ("R", "sunrise", "R sunrise · Knee")


def test_codes_of_views_are_those_of_the_standard():
    """CID 4014 and 4010 as pydicom has them."""
    standard = {code.value: code.meaning.lower() for code in _codes("CID4014") + _codes("CID4010")}
    named = {
        **{"CC": "cranio-caudal", "MLO": "medio-lateral oblique", "ML": "medial-lateral"},
        **{"LM": "lateral-medial", "LMO": "latero-medial oblique", "FB": "caudo-cranial"},
        "SIO": "superolateral to inferomedial oblique",
        "ISO": "inferomedial to superolateral oblique",
        "XCCL": "cranio-caudal exaggerated laterally",
        "XCCM": "cranio-caudal exaggerated medially",
        **{"AP": "antero-posterior", "PA": "postero-anterior", "RAO": "right anterior oblique"},
        **{"LAO": "left anterior oblique", "RPO": "right posterior oblique"},
        "LPO": "left posterior oblique",
    }
    assert {name: standard[sct] for name, (sct, *_) in CODES_OF_VIEWS.items()} == {
        name: named.get(name, name) for name in CODES_OF_VIEWS
    }
    alternatives = {"PA": 1, "RAO": 1}  # beside the code that pydicom translates
    from pydicom.sr._snomed_dict import mapping

    for name, (sct, *older) in CODES_OF_VIEWS.items():
        assert mapping["SCT"][sct] in older and len(older) == 1 + alternatives.get(name, 0)


def _codes(cid):
    collection = getattr(codes, cid.lower())
    return [getattr(collection, name) for name in collection.dir()]


def test_what_contradicts_is_said_and_proves_nothing():
    view = _view(ImageLaterality="R", Laterality="L", ViewPosition="CC")
    assert view == ("", "CC", "R CC (but Laterality says L)")
    view = _view(ImageLaterality="R", ViewPosition="MLO", ViewCodeSequence=[CC])
    assert view == ("R", "", "R CC (but View Position says MLO)")
    lateral = _code("SCT", "399067008", "lateral")
    assert _view(ViewPosition="LL", ViewCodeSequence=[lateral]).text == "lateral"


def test_a_frame_has_its_own_side():
    frames = [
        _dataset(FrameAnatomySequence=[_dataset(FrameLaterality=side)]) for side in ("R", "L")
    ]
    dataset = _dataset(PerFrameFunctionalGroupsSequence=frames, ViewPosition="CC")
    assert [view_of(FrameHeader(dataset, frame)).text for frame in (0, 1)] == ["R CC", "L CC"]


def test_angiograms_say_from_where_they_look():
    angles = {"Modality": "XA", "PositionerPrimaryAngle": -30.2, "PositionerSecondaryAngle": 20}
    assert _view(**angles).text == "RAO 30° CRA 20°"
    assert _view(**angles | {"PositionerPrimaryAngle": 0}).text == "CRA 20°"
    assert _view(**angles | {"Modality": "MG"}).text == "", "angles of a breast mean another thing"


def test_nuclear_images_have_view_and_letters_of_their_detector():
    anterior = _code("SRT", "G-5215", "Anterior projection")
    posterior = _code("SRT", "G-5216", "Posterior projection")
    detectors = [
        _dataset(ViewCodeSequence=[anterior], ImageOrientationPatient=[1, 0, 0, 0, 0, -1]),
        _dataset(ViewCodeSequence=[posterior], ImageOrientationPatient=[-1, 0, 0, 0, 0, -1]),
    ]
    dataset = _dataset(
        Modality="NM",
        ImageType=["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"],
        DetectorInformationSequence=detectors,
        DetectorVector=[1, 2],
    )
    headers = [FrameHeader(dataset, frame) for frame in (0, 1)]
    views = [view_of(header, frame).text for frame, header in enumerate(headers)]
    assert views == ["Anterior projection", "Posterior projection"]
    letters = ["".join(letters_of(header, frame)) for frame, header in enumerate(headers)]
    assert letters == ["RLHF", "LRHF"]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]  # they turn
    assert "".join(letters_of(FrameHeader(dataset, 1), 1)) == "????"
    del dataset.DetectorVector
    assert view_of(FrameHeader(dataset, 0)).text == "", "one of two, and not said which"


def test_a_hostile_header_has_a_view_without_a_traceback():
    for value in ("$\\foo", "<script>", "", "R" * 64):
        row = {"ViewPosition": value, "Laterality": "?", "BodyPartExamined": value}
        view = view_of(FrameHeader(row))
        assert isinstance(view.text, str) and view.side == ""
    assert _view(ViewCodeSequence=[Dataset()], ImageLaterality="R") == ("R", "", "R")
    assert view_of(FrameHeader({"ViewCodeSequence": 1, "Laterality": "R"})).text == "R"


# letters, and why there are none


@pytest.mark.parametrize(
    ("words", "letters"),
    [
        (["A", "F"], "PAHF"),
        (["P", "FR"], ("A", "P", "HL", "FR")),
        (["A", "R"], "PALR"),
        (["P", "L"], "APRL"),
        (["L", ""], "RL??"),
        ("L", "????"),
        (["PR", "F"], ("AL", "PR", "H", "F")),
    ],
)
def test_letters_of_patient_orientation(words, letters):
    dataset = _dataset(PatientOrientation=words, Modality="MG")
    assert letters_of(FrameHeader(dataset)) == tuple(letters)
    assert bool(why_no_letters(dataset)) == ("?" in letters)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Modality": "US"}, "an ultrasound image has no place in the patient: the probe"),
        ({"Modality": "SM"}, "a slide is of tissue taken out of the patient"),
        ({"Modality": "ES"}, "a photograph says nothing of directions"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"}, "a secondary capture is a picture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.6"}, "a slide"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"}, "a photograph"),
        ({"Modality": "DX", "PatientOrientation": ""}, "missing or empty in this radiograph"),
        ({"Modality": "DR"}, "missing or empty in this radiograph"),
        ({"Modality": "MG"}, "missing or empty in this mammogram"),
        ({"Modality": "DX", "PatientOrientation": "L"}, "Patient Orientation is 'L': expected two"),
        ({"Modality": "DX", "PatientOrientation": ["X", "F"]}, r"is 'X\\F': expected two"),
        ({"Modality": "CT", "ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "describes no plane"),
        ({"Modality": "CT"}, "neither Image Orientation .* in this CT image"),
        ({}, "neither Image Orientation .* in this image"),
    ],
)
def test_why_there_are_no_letters(values, reason):
    dataset = _dataset(**values)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(why_no_letters(dataset))
    row = {
        keyword: tuple(value) if isinstance(value, list) else value or None
        for keyword, value in values.items()
    }
    assert (
        why_no_letters(row).split(" or empty")[0] == why_no_letters(dataset).split(" or empty")[0]
    )


def test_images_with_letters_have_no_reason():
    assert why_no_letters({"ImageOrientationPatient": (1, 0, 0, 0, 1, 0)}) == ""
    with pytest.raises(WrongTypeError, match="expected a header"):
        why_no_letters("1.dcm")


def test_a_nuclear_image_has_the_letters_of_its_detector_in_tables_too(tmp_path):
    headers = header_table(write_kind("nuclear medicine", tmp_path), progress=False)
    slices = slice_table(headers)
    assert "?" not in load_slice(slices.index[0][2]).letters
    assert not slices.apply(why_no_letters, axis=1).any()
    assert not headers.apply(why_no_letters, axis=1).any()
    unsaid = headers.rename(index=lambda path: f"{path} that is not there")
    assert unsaid.apply(why_no_letters, axis=1).str.startswith("Patient Orientation is miss").all()


def test_the_reason_of_a_row_is_that_of_its_file(real):
    headers = header_table(real / "kinds/radiographs", progress=False)
    rows = slice_table(headers).reset_index()
    reasons = {row["path"]: why_no_letters(row) for _, row in rows.iterrows()}
    for path, reason in reasons.items():
        assert reason == why_no_letters(pydicom.dcmread(path, stop_before_pixels=True))
        if find_spec("imagecodecs") is not None:  # which Kaggle's image lacks
            assert bool(reason) == ("?" in load_slice(path).letters)
    assert sum(map(bool, reasons.values())) == 1


# millimetres


def _region(delta=(0.05, 0.05), units=3, spatial_format=1, extent=200):
    return _dataset(
        RegionSpatialFormat=spatial_format,
        RegionLocationMaxX1=extent,
        RegionLocationMaxY1=100,
        PhysicalUnitsXDirection=units,
        PhysicalUnitsYDirection=units,
        PhysicalDeltaX=delta[1],
        PhysicalDeltaY=delta[0],
    )


@pytest.mark.parametrize(
    ("regions", "spacing", "unit", "remark"),
    [
        ([_region()], (0.5, 0.5), "mm", ""),
        ([_region((0.04, -0.05))], (0.4, 0.5), "mm", ""),
        ([_region(), _region((0.0501, 0.05))], (0.5, 0.5), "mm", ""),
        ([_region(), _region((0.1, 0.1))], (1, 1), "px", "mm in regions only, which differ"),
        ([_region(), _region(spatial_format=3)], (1, 1), "px", "others are over time"),
        ([_region(), _region(spatial_format=2, units=4)], (1, 1), "px", "others are over time"),
        ([_region(), _region(spatial_format=5)], (0.5, 0.5), "mm", "not of traces and graphics"),
        ([_region(), _region(spatial_format=4)], (0.5, 0.5), "mm", "not of traces and graphics"),
        ([_region(extent=201)], (1, 1), "px", "which was cut or resized"),
        ([_region(units=1)], (1, 1), "px", ""),
        ([_region((0, 0))], (1, 1), "px", ""),
        ([Dataset()], (1, 1), "px", ""),
        ([], (1, 1), "px", ""),
    ],
)
def test_the_spacing_of_ultrasound_is_that_of_its_regions(regions, spacing, unit, remark):
    size = {"Rows": 100, "Columns": 200}
    found = spacing_of(FrameHeader(_dataset(SequenceOfUltrasoundRegions=regions, **size)))
    assert found.spacing == pytest.approx(spacing) and found.unit == unit
    assert found.remark.endswith(remark) and bool(found.remark) == bool(remark)


def test_a_pixel_spacing_beside_regions_is_told_of_where_it_differs():
    dataset = _dataset(SequenceOfUltrasoundRegions=[_region()], PixelSpacing=[0.5, 0.5])
    assert spacing_of(FrameHeader(dataset)).remark == ""
    dataset.PixelSpacing = [1, 1]
    found = spacing_of(FrameHeader(dataset))
    assert found.spacing == (0.5, 0.5) and "Pixel Spacing says 1 × 1 mm" in found.remark


def test_real_images_that_are_no_slices(real):
    mammogram = load_slice(real / "kinds/mammogram/MG1_J2KI")
    assert mammogram.caption["view"] == "L MLO" and "".join(mammogram.letters) == "PAHF"
    radiograph = load_slice(real / "odd/highdicom/dx_image.dcm")
    assert radiograph.caption["view"] == "L · THORAX" and "".join(radiograph.letters) == "RLHF"
    assert "at the detector" in radiograph.caption["spacing"]
    tile = load_slice(real / "odd/highdicom/sm_image.dcm")
    assert tile.spacing_unit == "mm" and tile.spacing[0] == pytest.approx(0.000499)


def test_the_ultrasound_that_pydicom_ships():
    """Made smaller for pydicom, or cut: their regions are still those of the larger image."""
    for name, frame in (("ybr_color", 3), ("palette_color", 0)):
        image = load_slice(pydicom.examples.get_path(name), frame=frame)
        assert image.spacing_unit == "px" and "cut or resized" in image.caption["spacing"]


# as readers hang them


def _mammogram(side, view, row, column):
    """Three rows, two columns, each of its own value."""
    letters = letters_of(FrameHeader({"PatientOrientation": (row, column)}))
    caption = {"side": side, "view_name": view, "view": f"{side} {view}", "remark": ""}
    return Slice(np.arange(6).reshape(3, 2), (2, 1), letters, caption=caption)


@pytest.mark.parametrize(
    ("mammogram", "letters", "done"),
    [
        (("R", "CC", "P", "L"), "APRL", ""),
        (("R", "CC", "A", "L"), "APRL", "mirrored, left to right"),
        (("L", "CC", "A", "R"), "PALR", ""),
        (("L", "CC", "A", "L"), "PALR", "mirrored, top to bottom"),
        (("L", "MLO", "A", "FR"), ("P", "A", "HL", "FR"), ""),
        (("L", "MLO", "P", "H"), "PAHF", "turned by 180°"),
        (("R", "MLO", "F", "A"), "APHF", "turned by 90°"),
        (("R", "MLO", "F", "P"), "APHF", "mirrored and turned by 90°"),
        (("R", "MLO", "P", ""), "AP??", ""),
        (("R", "MLO", "A", "P"), "PAAP", ""),
        (("", "MLO", "P", "H"), "APFH", ""),
        (("R", "PA", "A", "F"), "PAHF", ""),
    ],
)
def test_a_mammogram_is_turned_where_its_letters_prove_it(mammogram, letters, done):
    picture = hung(_mammogram(*mammogram))
    assert picture.letters == tuple(letters) and picture.caption["remark"] == done


@pytest.mark.parametrize("turn", TURNS)
def test_letters_and_spacing_turn_with_the_pixels(turn):
    """Four values that stand at the middles of the edges are found at their letters."""
    pixels = np.zeros((5, 3), int)
    pixels[2, 0], pixels[2, 2], pixels[0, 1], pixels[4, 1] = 1, 2, 3, 4
    slice = Slice(pixels, (2, 7), EdgeLetters(*"PAHF"), padding=pixels == 4)
    found = turned(slice, turn)
    rows, columns = found.array.shape
    values = dict(zip((1, 2, 3, 4), "PAHF"))
    edges = [(rows // 2, 0), (rows // 2, -1), (0, columns // 2), (-1, columns // 2)]
    assert tuple(values[found.array[place]] for place in edges) == found.letters
    assert np.array_equal(found.padding, found.array == 4)
    assert np.multiply(found.array.shape, found.spacing).tolist() == (
        [21, 10] if turn.transposed else [10, 21]
    )


@pytest.fixture(scope="module")
def mammograms(tmp_path_factory):
    folder = write_kind("mammograms", tmp_path_factory.mktemp("mammograms"))
    return slice_table(header_table(folder, progress=False))


def _titles(axes):
    return [ax.get_title() for ax in axes]


def test_mammograms_hang_two_by_two(mammograms):
    """Right on the left, chest walls together, CC above MLO; a study beside the next."""
    axes = show_views(mammograms)
    axes[0].figure.canvas.draw()
    views = ["R CC", "L CC", "R MLO", "L MLO"]
    assert [title.split("\n")[0] for title in _titles(axes)] == views * 3
    mirrored = [title.split("\n")[0] for title in _titles(axes) if "mirrored" in title]
    assert mirrored == ["R CC", "R MLO"], "of the second patient"
    boxes = [ax.get_window_extent() for ax in axes]
    for study in range(0, 12, 4):
        right_cc, left_cc, right_mlo, left_mlo = boxes[study : study + 4]
        assert right_cc.x1 == pytest.approx(left_cc.x0, abs=1), "they touch"
        assert right_mlo.x1 == pytest.approx(left_mlo.x0, abs=1)
        assert right_mlo.y1 < right_cc.y0
    assert boxes[4].x0 > boxes[1].x1 and boxes[4].y0 == boxes[0].y0 and boxes[8].y1 < boxes[2].y0
    for ax in axes:
        letters = {text.get_text()[:1]: text.get_position() for text in ax.texts}
        wall, nipple = letters["P"][0], letters["A"][0]
        assert (wall > nipple) == ax.get_title().startswith("R")
    assert axes[0].figure.get_suptitle() == "12 pictures"


def test_mirrored_pixels_are_those_of_the_file_the_other_way(mammograms):
    rows = mammograms.reset_index("path")
    row = rows[(rows["PatientID"] == "M02") & (rows["ImageLaterality"] == "R")].iloc[:1]
    (ax,) = show_views(row.set_index("path", append=True))
    drawn, stored = ax.images[0].get_array(), load_slice(row["path"].iloc[0])
    assert "".join(stored.letters)[:2] == "PA" and "mirrored" in ax.get_title()
    assert np.allclose(drawn, stored.grey()[:, ::-1])


def test_what_has_no_side_stands_behind(mammograms, tmp_path):
    rows = mammograms.reset_index()
    (path,) = {path for path in rows["path"] if path.endswith("M01/RCC.dcm")}
    for number in range(3):
        dataset = pydicom.dcmread(path)
        del dataset.ViewCodeSequence, dataset.ViewPosition
        if number:
            dataset.ImageLaterality = "R"
            dataset.ViewPosition = "CC"
        if number == 2:
            dataset.Laterality = "L"
        dataset.SOPInstanceUID = f"1.2.3.{number}"
        dataset.save_as(tmp_path / f"{number}.dcm")
    axes = show_views(slice_table(header_table(tmp_path, progress=False)))
    titles = _titles(axes)
    assert titles[0] == "R CC" and titles[2] == "R CC (but Laterality says L)"
    assert axes[1].get_position().y1 < axes[0].get_position().y0


def test_the_first_of_many_are_drawn_patient_after_patient(tmp_path):
    folder = write_kind("radiographs", tmp_path)
    slices = slice_table(header_table(folder, progress=False))
    axes = show_views(slices, most=4)
    assert axes[0].figure.get_suptitle() == f"4 of {len(slices)} pictures"
    assert sorted(_titles(axes)) == ["PA · Chest"] * 2 + ["left lateral · Chest"] * 2
    assert "X01" not in "".join(_titles(axes))
    named = show_views(slices, most=4, identity=True)
    assert [title[:3] for title in _titles(named)] == ["X01", "X01", "X02", "X02"]
    assert len({text.get_text() for text in axes[0].texts} & {"R", "L", "A", "P", "H", "F"}) == 4


def test_clips_volumes_and_slides_have_one_picture(tmp_path, phantom_slices):
    clips = slice_table(header_table(write_kind("ultrasound clips", tmp_path / "1")))
    assert all("frame 4 of 6" in title for title in _titles(show_views(clips)))
    slides = slice_table(header_table(write_kind("slides", tmp_path / "2")))
    axes = show_views(slides)
    assert len(axes) == 1 and "label left out (identity=True" in axes[0].figure.get_suptitle()
    titles = _titles(show_views(slides, identity=True))
    assert any("label" in title for title in titles)
    assert any("overview" in title for title in titles)
    one = phantom_slices[phantom_slices["PatientID"] == "P01-reference"]
    (ax,) = show_views(one)
    assert "axial" in ax.get_title()
    (ax,) = show_views(one.loc[one.index[0][:2]])
    assert "axial" in ax.get_title()


def test_a_mask_of_which_the_middle_is_empty_says_so(tmp_path):
    slices = slice_table(header_table(write_kind("CT with objects", tmp_path), progress=False))
    axes = show_views(slices)
    said = [
        (ax.images[0].get_array().max() > 0, "nothing marked" in title)
        for ax, title in zip(axes, _titles(axes))
        if title.startswith("SEG")
    ]
    assert sorted(said) == [(False, True), (True, False)]


def test_a_file_that_cannot_be_drawn_is_said_in_its_place(tmp_path):
    folder = write_kind("radiographs", tmp_path)
    slices = slice_table(header_table(folder, progress=False)).iloc[:2]
    path = slices.index.get_level_values("path")[0]
    with open(path, "r+b") as file:
        file.truncate(4000)
    axes = show_views(slices)
    (failed,) = [ax for ax in axes if "cannot be drawn" in ax.get_title()]
    assert "expected" in failed.texts[0].get_text() and len(axes) == 2


def test_what_cannot_be_shown_is_refused_in_one_line(mammograms):
    with pytest.raises(DrawingError, match="found none"):
        show_views(mammograms.iloc[:0])
    with pytest.raises(WrongTypeError, match="slice_table"):
        show_views(pd.DataFrame({"PatientID": ["a"]}))
    figure = plt.figure()
    assert show_views(mammograms, most=1, figure=figure)[0].figure is figure


def test_large_images_are_averaged_before_they_are_drawn():
    pixels = np.random.default_rng(1).integers(0, 4000, (2 * MAX_PIXELS, 1003)).astype(np.int16)
    slice = Slice(pixels, (0.1, 0.2), EdgeLetters(*"RLHF"), windows={})
    small = reduced(slice)
    assert small.array.shape == (MAX_PIXELS, 502) and small.spacing == (0.2, 0.4)
    assert small.array[3, 5] == pytest.approx(pixels[6:8, 10:12].mean(), abs=0.5)
    assert small.window()[1] == slice.window()[1]
    padded = reduced(Slice(pixels, (1, 1), EdgeLetters(*"RLHF"), padding=pixels > 2000))
    block, kept = pixels[6:8, 10:12], pixels[6:8, 10:12] <= 2000
    expected = block[kept].mean() if kept.any() else block.mean()
    assert padded.array[3, 5] == pytest.approx(expected, abs=0.5)
    assert padded.padding[3, 5] == (not kept.any())
    colour = reduced(Slice(np.full((2000, 2000, 3), 7, np.uint8), (1, 1), EdgeLetters(*"RLHF")))
    assert colour.array.shape == (667, 667, 3) and (colour.array == 7).all()
