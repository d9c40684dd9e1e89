"""The best series of each patient, and why."""

import pytest
from truth_headers import header_frame, header_row

from helpers import slice_table, stack_table
from helpers.errors import ClearError
from helpers.slices.best import best_stacks


def _series(number, count=4, step=5.0, **values):
    own = {"SeriesInstanceUID": f"1.2.{number}", "SeriesNumber": number, "SeriesDescription": "5mm"}
    return [
        header_row(
            f"{number}/{z}.dcm",
            **own | {"ImagePositionPatient": (0.0, 0.0, step * z), "InstanceNumber": z} | values,
        )
        for z in range(count)
    ]


def _best(*series):
    headers = header_frame([row for one in series for row in one])
    slices = slice_table(headers)
    best = best_stacks(stack_table(slices))
    assert all(len(slices.loc[stack]) == row.images for stack, row in best.iterrows())
    return best


def _broken(number, count=6):
    rows = _series(number, count)
    return [*rows[:2], *rows[3:]]  # a gap


@pytest.mark.parametrize(
    ("series", "number", "reason"),
    [
        ([_series(7)], 7, "the only series"),
        ([_series(2, 4), _series(3, 9)], 3, "most positions: 9, not 4 (series 2 5mm)"),
        (
            [_broken(2), _series(3, 4)],
            3,
            "a whole volume, not a volume in part (series 2 5mm)",
        ),
        (
            [_series(2, 4), _series(3, 4, step=1.0)],
            3,
            "smallest spacing: 1 mm, not 5 mm (series 2 5mm)",
        ),
        (
            [_series(2, Rows=16), _series(3, Rows=32)],
            3,
            "most pixels: 32 × 20, not 16 × 20 (series 2 5mm)",
        ),
        (
            [_series(n, ConvolutionKernel=f"B{n}") for n in (4, 3, 5)],
            3,
            "first by number, no better than series 4 5mm and 1 more; it has kernel B3",
        ),
        ([_series(4), _series(3)], 3, "first by number, no better than series 4 5mm"),
        (
            [
                _series(2, 4),
                _series(3, 1, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.7"),
            ],
            2,
            None,
        ),
    ],
)
def test_the_best_of_a_patient_and_why(series, number, reason):
    (best,) = _best(*series).itertuples()
    assert best.SeriesNumber == number and (reason is None or best.reason == reason)


def test_doses_stand_behind_slices_however_many_planes_they_have():
    dose = _series(3, 30, SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2", Modality="CT")
    (best,) = _best(_series(2), dose).itertuples()
    assert (best.kind, best.reason) == ("volume", "volume, not dose (series 3 5mm)")


def test_time_points_of_one_series_are_one():
    times = [
        row
        | {
            "path": f"{t}{row['path']}",
            "TemporalPositionIdentifier": t,
            "SOPInstanceUID": f"1.{t}.{n}",
        }
        for t in range(1, 4)
        for n, row in enumerate(_series(2))
    ]
    (best,) = _best(times).itertuples()
    assert (best.split_value, best.reason) == (1, "the only series")


def test_planes_of_one_series_are_named_by_their_plane():
    rows = _series(1)
    sagittal = [
        row | {"ImageOrientationPatient": (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), "path": f"s{z}.dcm"}
        | {"ImagePositionPatient": (5.0 * z, 0.0, 0.0), "SOPInstanceUID": f"1.{z}"}
        for z, row in enumerate(rows)
    ]  # fmt: skip
    (best,) = _best([*rows, *sagittal]).itertuples()
    assert best.reason == "first by number, no better than sagittal of the same series"


def test_one_row_for_each_patient_in_their_order():
    best = _best(*(_series(n, PatientID=f"P{n}") for n in (10, 2, 1)))
    assert best["PatientID"].tolist() == ["P1", "P2", "P10"]
    stacks = stack_table(slice_table(header_frame(_series(1))))
    assert len(best_stacks(stacks[stacks["plane"] == "sagittal"])) == 0
    with pytest.raises(ClearError, match="expected the table of stack_table"):
        best_stacks(stacks[["plane"]])


def test_what_lies_in_no_plane_is_named_by_its_kind():
    capture = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "ImagePositionPatient": None}
    small, large = (
        _series(3, 1, Rows=rows, ImageOrientationPatient=None, **capture)[0] for rows in (16, 32)
    )
    (best,) = _best([small, large | {"path": "large.dcm"}]).itertuples()
    assert best.reason == "most pixels: 32 × 20, not 16 × 20 (picture of the same series)"
