"""PET in SUV by body weight: as published reference objects have it, or a line that says why not.

The reference objects are those of the Image Biomarker Standardisation Initiative: M. Vácha et al.,
Comprehensive Manual for SUV Computation and Digital Reference Objects for its Verification, 2026,
https://github.com/oncoray/suv_computation (CC BY 4.0). Each holds a cold sphere, a background and
a hot sphere of SUV 0.20, 1.00 and 4.00; what their headers say and the values that they store are
written down here, and read as `suv` reads any series.
"""

import re
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from kind_writing import Grid, uid, write_slices
from pydicom import Dataset, dcmread

from helpers import (
    header_table,
    load_slice,
    load_volume,
    show_slice,
    slice_table,
    stack_table,
    suv,
)
from helpers.pixels.window import SUV_WINDOWS, WindowError
from helpers.volume.suv import SuvError

GRID = Grid(slices=4, size=8, field=32, gap=4)
SERIES = {  # the default object, DRO_0_0
    "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
    "Units": "BQML",
    "DecayCorrection": "START",
    "SeriesDate": "20250101",
    "SeriesTime": "110000.000000",
    "AcquisitionDate": "20250101",
    "AcquisitionTime": "110000.000000",
    "FrameReferenceTime": "150000.0",
    "ActualFrameDuration": "300000",
    "PatientWeight": "70.0",
    "RescaleIntercept": "0",
    "RescaleSlope": "1.0",
    "NumberOfFrames": 1,
    "SeriesType": ["STATIC", "IMAGE"],
    "CountsSource": "EMISSION",
}
DOSE = {
    "RadiopharmaceuticalStartTime": "100000.000000",
    "RadiopharmaceuticalStartDateTime": "20250101100000.000000",
    "RadionuclideTotalDose": "368080000.0",
    "RadionuclideHalfLife": "6586.2",
}
STORED = (720, 3600, 14400)  # cold, background, hot
BEDS = [("110230", "450000"), ("110500", "600000")]  # of DRO_3_2: acquired, Frame Reference Time
PHILIPS = (0x7053, "Philips PET Private Group")
GE = (0x0009, "GEMS_PETD_01")
PUBLISHED = {  # what differs from the default object, and what is stored
    "DRO_0_0 Bq/ml, START": ({}, STORED),
    "DRO_2_0 g/ml": ({"Units": "GML", "SUVType": "BW", "RescaleSlope": "0.1"}, (2, 10, 40)),
    "DRO_2_4 counts, factor of SUV": (
        {"Units": "CNTS", (*PHILIPS, 0x00, "DS"): "0.0005"},
        (400, 2000, 8000),
    ),
    "DRO_2_5 counts, factor of activity": (
        {"Units": "CNTS", (*PHILIPS, 0x09, "DS"): "0.5"},
        (1440, 7200, 28800),
    ),
    "DRO_3_1 ADMIN": ({"DecayCorrection": "ADMIN"}, (1051, 5258, 21033)),
    "DRO_3_3 scan time of GE": (
        {"AcquisitionTime": "113000", (*GE, 0x0D, "DT"): "20250101110000.000000"},
        STORED,
    ),
    "DRO_4_0 injection with date": ({"RadiopharmaceuticalStartTime": None}, STORED),
    "DRO_4_1 injection without date": ({"RadiopharmaceuticalStartDateTime": None}, STORED),
    "DRO_4_2 midnight": (
        {
            **{"SeriesDate": "20250102", "AcquisitionDate": "20250102"},
            **{"SeriesTime": "003000", "AcquisitionTime": "003000"},
            **{"RadiopharmaceuticalStartTime": "233000", "RadiopharmaceuticalStartDateTime": None},
        },
        STORED,
    ),
    "DRO_5_0 gallium-68": ({"RadionuclideHalfLife": "4057.7"}, (568, 2843, 11372)),
}


@pytest.fixture
def pet(tmp_path):
    """Writes a series that differs from the default object; gives its slices."""
    numbers = count()

    def written(changes=None, stored=STORED, per_slice=None):
        folder = tmp_path / str(next(numbers))
        values = np.zeros((8, 8))
        values[2:6, 2:6] = stored[1]
        values[3, 3], values[4, 4] = stored[0], stored[2]
        given = {**SERIES, **DOSE, **(changes or {})}
        item = Dataset()
        for keyword in DOSE:
            if (value := given.pop(keyword)) is not None:
                setattr(item, keyword, value)
        private = {place: given.pop(place) for place in [*given] if isinstance(place, tuple)}
        given = {keyword: value for keyword, value in given.items() if value is not None}
        given.setdefault("RadiopharmaceuticalInformationSequence", [item])
        datasets = write_slices(
            folder, "PT", given.pop("Modality", "PT"), "DRO", 1, GRID, lambda _: values,
            bits=16, FrameOfReferenceUID=uid("DRO"), per_slice=per_slice, **given,
        )  # fmt: skip
        for path, dataset in zip(sorted(folder.iterdir()), datasets):
            for (group, creator, element, vr), value in private.items():
                block = dataset.private_block(group, creator, create=True)
                block.add_new(element, vr, value)
            if private:
                dataset.save_as(path)
        slices = slice_table(header_table(folder, progress=False))
        (stack,) = stack_table(slices).index
        return slices.loc[stack]

    return written


def _suv(slices):
    return suv(load_volume(slices), slices)


def _cold_background_hot(volume):
    return [volume.array[1, 3, 3], volume.array[1, 3, 4], volume.array[1, 4, 4]]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_reference_objects_have_their_suv(pet, name):
    changes, stored = PUBLISHED[name]
    volume = _suv(pet(changes, stored))
    assert np.round(_cold_background_hot(volume), 2).tolist() == pytest.approx([0.2, 1.0, 4.0])
    assert volume.array[0, 0, 0] == 0 and volume.unit == "SUVbw"


def test_published_slopes_that_differ_from_slice_to_slice(pet):
    """DRO_1_0: slopes of 3 and 4."""
    slopes = [{"RescaleSlope": "4.0"}, {"RescaleSlope": "3.0"}]
    volume = _suv(pet(per_slice=lambda n: slopes[n % 2], stored=(240, 1200, 4800)))
    assert volume.array[1, 3, 3] == pytest.approx(0.2, abs=0.005)
    assert volume.array[0, 3, 3] == pytest.approx(0.2 * 4 / 3, abs=0.005)


def test_published_series_time_that_processing_set_anew(pet):
    """DRO_3_2: what Frame Reference Time says of both beds is 11:00."""
    beds = [
        {"AcquisitionTime": time, "FrameReferenceTime": reference, "ActualFrameDuration": "603000"}
        for time, reference in BEDS
    ]
    volume = _suv(pet({"SeriesTime": "113000"}, per_slice=lambda number: beds[number // 2]))
    assert np.round(_cold_background_hot(volume), 2).tolist() == pytest.approx([0.2, 1.0, 4.0])
    assert volume.caption["remark"].endswith("scan start taken from Frame Reference Time")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Units": "GML", "SUVType": "LBMJAMES128"}, r"SUV Type \(0054,1006\) LBMJAMES128, not BW"),
        ({"Units": "GML", "SUVType": "IBW"}, "IBW, not BW"),
        ({"Units": "CM2ML"}, r"Units \(0054,1001\) CM2ML, not BQML, GML, CNTS"),
        ({"RadionuclideTotalDose": "368.08"}, r"Total Dose \(0018,1074\) 368\.08 \(in Bq: "),
        ({"DecayCorrection": "NONE"}, r"Decay Correction \(0054,1102\) NONE, not START or ADMIN"),
    ],
)
def test_published_reference_objects_that_are_refused(pet, changes, message):
    """DRO_2_1, 2_2, 2_3, 3_0, 3_4: by another measure than weight, in MBq, not decay-corrected."""
    with pytest.raises(SuvError, match=message):
        _suv(pet(changes))


def test_suv_is_a_view_beside_what_was_loaded(pet):
    slices = pet()
    volume = load_volume(slices)
    assert volume.unit == load_slice(slices.index[0][0]).unit == "Bq/ml"
    before = volume.array.copy()
    converted = suv(volume, slices)
    assert np.array_equal(volume.array, before) and volume.unit == "Bq/ml"
    assert np.array_equal(converted.affine, volume.affine)
    assert converted.frame_of_reference == volume.frame_of_reference == uid("DRO")
    assert converted.array.dtype == np.float32 and not converted.array.flags.writeable
    factor = 70_000 / (368.08e6 * 2 ** (-3600 / 6586.2))
    assert converted.array == pytest.approx(volume.array * factor)
    with pytest.raises(SuvError, match="expected values that are not yet in SUVbw"):
        suv(converted, slices)


def test_windows_of_suv_are_for_suv(pet):
    slices = pet()
    volume = _suv(slices)
    assert volume.window() == ("SUV 0 to 5", SUV_WINDOWS["SUV 0 to 5"])
    assert volume.window("SUV 0 to 10")[1].limits == (0, 10)
    grey = volume.slice("axial", 1).grey("SUV 0 to 5")
    assert sorted(set(np.round(grey.ravel(), 2).tolist())) == pytest.approx([0, 0.04, 0.2, 0.8])
    texts = [text.get_text() for text in show_slice(volume.slice("axial", 1)).texts]
    assert any("SUVbw" in text for text in texts)
    with pytest.raises(WindowError, match="SUV 0 to 5"):
        load_volume(slices).window("SUV 0 to 5")
    with pytest.raises(WindowError, match="expected values in HU"):
        volume.window("lungs")


def test_all_that_is_missing_is_named_in_one_line(pet):
    changes = dict.fromkeys(["PatientWeight", "AcquisitionTime", *DOSE])
    with pytest.raises(SuvError) as caught:
        _suv(pet(changes))
    line = str(caught.value)
    assert "\n" not in line and "1-001.dcm" in line and "volume.array * factor" in line
    assert re.findall(r"no [^;(]+\([0-9A-F,]+\)", line) == [
        "no Radiopharmaceutical Start DateTime (0018,1078)",
        "no Patient's Weight (0010,1030)",
        "no Radionuclide Total Dose (0018,1074)",
        "no Radionuclide Half Life (0018,1075)",
        "no Acquisition Time (0008,0032)",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Modality": "CT"}, r"Modality \(0008,0060\) CT, not PT"),
        ({"Units": None}, r"no Units \(0054,1001\), not BQML"),
        ({"Units": "PROPCPS"}, "PROPCPS, not BQML, GML, CNTS"),
        ({"Units": "CNTS"}, r"none of Philips' factors \(7053,1000\) and \(7053,1009\)"),
        ({"Units": "CNTS", (*PHILIPS, 0x00, "DS"): "0"}, "none of Philips' factors"),
        ({"Units": "CNTS", (0x7053, "Another", 0x00, "DS"): "2"}, "none of Philips' factors"),
        ({"CorrectedImage": "DECY"}, r"no ATTN in Corrected Image \(0028,0051\)"),
        ({"CorrectedImage": None}, "no ATTN in Corrected Image .*; no DECY"),
        ({"DecayCorrection": None}, r"no Decay Correction \(0054,1102\), not START or ADMIN"),
        ({"PatientWeight": "70000"}, r"Patient's Weight \(0010,1030\) 70000\.0 \(in kg: 0\.01 to"),
        ({"PatientWeight": "0"}, r"Patient's Weight \(0010,1030\) 0\.0"),
        ({"RadionuclideTotalDose": "-5"}, r"Radionuclide Total Dose \(0018,1074\) -5"),
        ({"RadionuclideHalfLife": "0"}, r"Radionuclide Half Life \(0018,1075\) 0"),
        ({"RadionuclideHalfLife": "109.77"}, r"injection 60 min or 32\.8 half-lives before"),
        (
            {"RadiopharmaceuticalStartDateTime": "20250101130000"},
            "injection 2 h after the start of the scan",
        ),
        (
            {"RadiopharmaceuticalStartDateTime": "20191212100000"},
            "injection 1.85e[+]03 days or .* half-lives before the scan",
        ),
        ({"RadiopharmaceuticalStartDateTime": "20250101"}, "no date and time in Radiopharm"),
        ({"RadiopharmaceuticalStartDateTime": "20250230100000"}, "no date and time in Radiopharm"),
        (
            {"RadiopharmaceuticalStartDateTime": None, "RadionuclideHalfLife": "282276"},
            "whose date counts with a half-life of 3.27 days",
        ),
        ({"SeriesTime": "000000"}, "Series Time 11 h before all Acquisition Times"),
        ({"RadiopharmaceuticalInformationSequence": []}, "no Radionuclide Total Dose"),
        (
            {"RadiopharmaceuticalInformationSequence": [Dataset(), Dataset()]},
            "2 items of Radiopharmaceutical Information Sequence",
        ),
    ],
)
def test_what_cannot_be_is_refused(pet, changes, message):
    slices = pet(changes)
    with pytest.raises(SuvError, match=message):
        _suv(slices)


@pytest.mark.parametrize("keyword", ["PatientWeight", "SeriesTime", "Units"])
def test_files_of_a_series_must_agree(pet, keyword):
    other = {"PatientWeight": "71", "SeriesTime": "105900", "Units": "GML"}[keyword]
    slices = pet()
    path = slices.index[2][0]
    dataset = dcmread(path)
    setattr(dataset, keyword, other)
    volume = load_volume(slices)
    dataset.save_as(path)
    with pytest.raises(SuvError, match=r"got 2 values of .*\([0-9,]+\) in"):
        suv(volume, slices)


def test_doses_that_differ_from_file_to_file_are_refused(pet):
    slices = pet()
    volume = load_volume(slices)
    dataset = dcmread(slices.index[1][0])
    dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose = "370000000"
    dataset.save_as(slices.index[1][0])
    with pytest.raises(SuvError, match=r"got 2 values of Radionuclide Total Dose \(0018,1074\)"):
        suv(volume, slices)


def test_the_volume_must_be_of_these_slices(pet):
    with pytest.raises(SuvError, match=r"expected the volume of these slices, in counts, got Vol"):
        suv(load_volume(pet()), pet({"Units": "CNTS", (*PHILIPS, 0x00, "DS"): "1"}))


@pytest.mark.parametrize("reference", [{}, {"FrameReferenceTime": "150000"}])
def test_the_earliest_acquisition_is_a_guess_and_says_so(pet, reference):
    """Without Frame Reference Time, and where that counts from each bed's own start."""
    beds = [{"AcquisitionTime": time, **reference} for time in ("110000", "110500")]
    changes = {"SeriesTime": "120000", "FrameReferenceTime": None}
    volume = _suv(pet(changes, per_slice=lambda number: beds[number // 2]))
    assert np.round(_cold_background_hot(volume), 2).tolist() == pytest.approx([0.2, 1, 4])
    assert "earliest Acquisition Time, a guess" in volume.caption["remark"]


def test_clocks_that_are_rounded_differently_are_one(pet):
    """As a scanner writes them: a series 15 µs after its first image."""
    times = {"SeriesTime": "110000.000000", "AcquisitionTime": "105959.999985"}
    volume = _suv(pet(times))
    assert not volume.caption["remark"]
    assert volume.array[1, 4, 4] == pytest.approx(4, abs=0.005)


def test_a_dynamic_scan_may_begin_before_the_injection(pet):
    """30 s before: the dose has grown by so much less than a half-life, no day has passed."""
    for changes in ({}, {"RadiopharmaceuticalStartDateTime": None}):
        start = {
            "RadiopharmaceuticalStartDateTime": "20250101110030",
            "RadiopharmaceuticalStartTime": "110030",
            **changes,
        }
        volume = _suv(pet(start))
        expected = 14400 * 70_000 / (368.08e6 * 2 ** (30 / 6586.2))
        assert volume.array[1, 4, 4] == pytest.approx(expected)


def test_a_time_zone_counts_where_both_are_known(pet):
    """10:00 in a zone one hour ahead of that of the series is 09:00."""
    zoned = {"RadiopharmaceuticalStartDateTime": "20250101110000+0200"}
    assert _suv(pet(zoned | {"TimezoneOffsetFromUTC": "+0100"})).array[1, 4, 4] == pytest.approx(
        4, abs=0.005
    )
    same = {"RadiopharmaceuticalStartDateTime": "20250101100000+0200"}
    assert _suv(pet(same)).array[1, 4, 4] == pytest.approx(4, abs=0.005)


def test_private_factors_whose_creator_was_lost_are_known_by_their_maker(pet):
    slices = pet({"Units": "CNTS", "Manufacturer": "Philips Medical Systems"}, (400, 2000, 8000))
    volume = load_volume(slices)
    for path in slices.index.get_level_values("path"):
        dataset = dcmread(path)
        dataset.add_new((0x7053, 0x1000), "DS", "0.0005")
        dataset.save_as(path)
    assert suv(volume, slices).array[1, 4, 4] == pytest.approx(4)


def test_enhanced_pet_is_refused(pet):
    slices = pet({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.130"})
    with pytest.raises(SuvError, match="got Enhanced PET, of which"):
        _suv(slices)


def test_a_damaged_file_is_named(pet):
    slices = pet()
    volume, path = load_volume(slices), slices.index[1][0]
    content = Path(path).read_bytes()
    tag = content.index(b"\x28\x00\x03\x01US")
    for damaged in (b"", content[: tag + 4] + b"U\x05" + content[tag + 6 :]):
        Path(path).write_bytes(damaged)
        with pytest.raises(SuvError, match=r"expected a PET image in .*1-002\.dcm, found .* there"):
            suv(volume, slices)
