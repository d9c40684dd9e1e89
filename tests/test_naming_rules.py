"""Series that would read alike: found where they were made otherwise, and only there."""

import pytest
from kind_collections import write_kind
from truth_headers import header_frame, header_row

from helpers import audit, badge, header_table, slice_table, write_phantom
from helpers.phantom.scans import ALL_SCANS
from helpers.quality.findings import MAX_ALIKE

RULE = "series-read-alike"
MR, PET = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"


def _series(number, count=4, **values):
    """Rows of one CT series of slices; all of one patient and study, if nothing says otherwise."""
    own = {"SeriesInstanceUID": f"1.2.{number}", "SeriesNumber": number, "SeriesDescription": "5mm"}
    low = values.pop("low", 0.0)
    return [
        header_row(
            f"{number}/{z}.dcm",
            **own
            | {"ImagePositionPatient": (0.0, 0.0, low + 5.0 * z), "InstanceNumber": z}
            | {"SOPInstanceUID": f"1.2.{number}.{z}"}
            | values,
        )
        for z in range(count)
    ]


def _findings(*series):
    found = audit(header_frame([row for one in series for row in one]))
    return found[found["rule"] == RULE]


def _values(*series):
    return _findings(*series)["value"].tolist()


def _pair(one, other, **both):
    return [_series(2, **both | one), _series(3, **both | other)]


KERNELS = [{"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}]
NAMES = "series 2 5mm, series 3 5mm"


@pytest.mark.parametrize(
    ("one", "other", "both", "said"),
    [
        (*KERNELS, {}, "kernel B30f beside kernel B70f (ConvolutionKernel)"),
        (*KERNELS[::-1], {}, "kernel B70f beside kernel B30f (ConvolutionKernel)"),
        (
            {"SliceThickness": 5.0},
            {"SliceThickness": 1.25},
            {},
            "thickness 5 mm beside thickness 1.25 mm (SliceThickness)",
        ),
        (
            {"CorrectedImage": ("DECY", "ATTN", "SCAT")},
            {"CorrectedImage": ("DECY", "NORM")},
            {"Modality": "PT", "SOPClassUID": PET},
            "ATTN SCAT beside NORM (CorrectedImage)",
        ),
        (
            {"ImageType": ("ORIGINAL", "PRIMARY", "M")},
            {"ImageType": ("ORIGINAL", "PRIMARY", "P")},
            {"Modality": "MR", "SOPClassUID": MR},
            "M beside P (ImageType)",
        ),
        (
            {"EchoTime": 10.0, "RepetitionTime": 500.0},
            {"EchoTime": 90.0, "RepetitionTime": 4000.0},
            {"Modality": "MR", "SOPClassUID": MR},
            "TR 500 ms beside TR 4000 ms (RepetitionTime)",  # two contrasts, no echoes of one scan
        ),
        (
            {},
            {"ContrastBolusAgent": "Iohexol"},
            {},
            "no contrast beside contrast Iohexol (ContrastBolusAgent)",
        ),
        (
            KERNELS[0],
            KERNELS[1] | {"low": 2.0},
            {},
            "kernel B30f beside kernel B70f (ConvolutionKernel)",
        ),
    ],
)
def test_what_differs_is_said_once_and_the_first_by_number_is_named(one, other, both, said):
    found = _findings(*_pair(one, other, **both))
    assert found["value"].tolist() == [f"{said}; {NAMES}"]
    assert found["severity"].tolist() == ["note"] and found["path"].isna().all()
    assert found["stack"].tolist() == [("1.2.2", 0)]
    assert "best_stacks(stacks)" in found["remedy"].iloc[0]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({"SeriesDescription": "5mm soft"}, {"SeriesDescription": "5mm lung"}, {}),  # a person sees
        ({"StudyInstanceUID": "1.9"}, {"StudyInstanceUID": "1.8"}, {}),  # a scan a year later
        ({"PatientID": "a"}, {"PatientID": "b"}, {}),
        ({}, {"low": 100.0}, {}),  # another part of the body
        ({}, {"count": 5}, {}),
        ({}, {"Rows": 32}, {}),
        ({}, {"ImageOrientationPatient": (1.0, 0.0, 0.0, 0.0, 0.8, 0.6)}, {}),
        ({}, {}, {"ImagePositionPatient": None}),  # whether they are of one place is not known
    ],
)
def test_kernels_of_other_series_are_no_finding(one, other, both):
    assert _values(*_pair(one | KERNELS[0], other | KERNELS[1], **both)) == []


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("EchoTime", (10.0, 20.0)),
        ("DiffusionBValue", (0.0, 1000.0)),
        ("ComplexImageComponent", ("MAGNITUDE", "PHASE")),
        ("AcquisitionTime", ("120000", "120500")),
        ("AcquisitionNumber", (1, 2)),
        ("TemporalPositionIdentifier", (1, 2)),
        ("ProtocolName", ("Thorax", "Thorax routine")),
        ("SliceThickness", (5.0, 5.0000001)),  # one number, written twice
    ],
)
def test_echoes_b_values_times_and_labels_are_no_reconstructions(keyword, values):
    one, other = ({keyword: value} for value in values)
    assert _values(*_pair(one, other, Modality="MR", SOPClassUID=MR)) == []


def test_series_that_are_the_same_in_all_are_no_finding():
    assert _values(*_pair({}, {})) == []


@pytest.mark.parametrize("keyword", ["ConvolutionKernel", "DiffusionBValue"])
def test_the_stacks_of_one_series_are_its_groups(keyword):
    own = [
        row | {"path": f"{k}-{row['path']}", "SOPInstanceUID": f"1.{k}.{n}", keyword: value}
        for k, value in enumerate((1.0, 2.0))
        for n, row in enumerate(_series(2))
    ]
    assert _values(own) == []


def test_groups_of_stacks_are_said_once():
    """Two series of three b-values each, of magnitude and of phase."""
    series = []
    for number, part in ((2, "M"), (3, "P")):
        series += [
            row
            | {"path": f"{b}-{row['path']}", "SOPInstanceUID": f"1.{number}.{b}.{n}"}
            | {"DiffusionBValue": float(b), "ImageType": ("ORIGINAL", "PRIMARY", part)}
            for b in (0, 500, 1000)
            for n, row in enumerate(_series(number, Modality="MR", SOPClassUID=MR))
        ]
    assert _values(series) == [f"M beside P (ImageType); {NAMES}"]


def test_of_several_series_those_that_differ_are_named():
    settings = [("A", 80.0), ("A", 90.0), ("B", 80.0)]
    series = [_series(n, ConvolutionKernel=k, KVP=v) for n, (k, v) in enumerate(settings)]
    assert _values(*series) == [
        "kernel A, 80 kV beside kernel A, 90 kV beside kernel B (ConvolutionKernel, KVP); "
        "series 0 5mm, series 1 5mm, series 2 5mm"
    ]
    many = [_series(n, ConvolutionKernel=f"K{n}") for n in range(6)]
    said = "kernel K0 beside kernel K1 beside kernel K2 beside kernel K3 beside others"
    assert _values(*many)[0].startswith(f"{said} (ConvolutionKernel); series 0")


def test_two_scans_of_two_reconstructions_are_two_findings():
    series = [
        _series(number, low=low, **kernel)
        for number, (low, kernel) in enumerate(
            (low, one) for low in (0.0, 200.0) for one in KERNELS
        )
    ]
    assert len(_values(*series)) == 2


def test_series_of_one_number_and_no_description_are_named_by_their_uids():
    same = {"SeriesNumber": 1, "SeriesDescription": None}
    uids = [{"SeriesInstanceUID": f"1.2.3.{end}"} for end in (111111, 222222)]
    (value,) = _values(*_pair(KERNELS[0] | uids[0], KERNELS[1] | uids[1], **same))
    assert (
        value
        == "kernel B30f beside kernel B70f (ConvolutionKernel); series 1 …111111, series 1 …222222"
    )


def test_a_habit_of_a_collection_is_said_once():
    def patients(count):
        return [
            _series(f"{n}.{k}", PatientID=f"P{n}", StudyInstanceUID=f"1.{n}", **own)
            for n in range(count)
            for k, own in enumerate(KERNELS)
        ]

    assert len(_values(*patients(3))) == 3
    assert _values(*patients(MAX_ALIKE + 1)) == [
        f"kernel B30f beside kernel B70f (ConvolutionKernel), in {MAX_ALIKE + 1} stacks"
    ]


def test_descriptions_that_tell_reconstructions_apart_are_the_clean_twin(phantom, tmp_path):
    (scan,) = [scan for scan in ALL_SCANS if RULE in scan.faults]
    folders = {"spoilt": phantom / scan.patient, "clean": tmp_path / scan.patient}
    write_phantom(tmp_path, scans=[scan._replace(faults=())])
    found = {}
    for name, folder in folders.items():
        headers = header_table(folder, progress=False)
        slices = slice_table(headers)
        found[name] = audit(headers, slices, pixels=True)
        assert set(headers["ConvolutionKernel"]) == {"B30f", "B70f"}
        (stack, *_) = {row[:2] for row in slices.index}
        assert badge(found[name], stack, slices.loc[stack]) == "", "a note is no warning"
    assert found["spoilt"]["rule"].tolist() == [RULE] and found["clean"].empty
    assert found["spoilt"]["value"].tolist() == [
        "kernel B70f beside kernel B30f (ConvolutionKernel); series 1 15 mm, series 2 15 mm"
    ]


EXPECTED = {
    "chest CT": ["kernel B30f beside kernel B70f (ConvolutionKernel); series 2 5mm, series 3 5mm"]
}


@pytest.mark.parametrize(
    "kind", ["PET with CT", "brain MR", "diffusion", "functional MR", "chest CT"]
)
def test_collections_of_other_kinds(kind, tmp_path):
    found = audit(header_table(write_kind(kind, tmp_path), progress=False))
    assert found["value"][found["rule"] == RULE].tolist() == EXPECTED.get(kind, [])
