"""With which scanners and settings a collection was made, and what deviates."""

import time

import numpy as np
import pytest
from truth_headers import header_frame, header_row

from helpers import deidentify, header_table, protocol_table, slice_table
from helpers.errors import ClearError

SCANNER = {"Manufacturer": "SIEMENS", "ManufacturerModelName": "Definition AS"}


def _series(number, count=3, **values):
    own = {"SeriesInstanceUID": f"1.2.{number}", "SeriesNumber": 4, "PatientID": f"P{number}"}
    own |= {"StudyInstanceUID": f"1.3.{number}", "ProtocolName": "Chest", "KVP": 120.0, **SCANNER}
    return [
        header_row(
            f"{number}/{z}.dcm",
            **own | {"ImagePositionPatient": (0.0, 0.0, 5.0 * z), "InstanceNumber": z} | values,
        )
        for z in range(count)
    ]


def _protocols(*series):
    headers = header_frame([row for one in series for row in one])
    return protocol_table(slice_table(headers))


def test_one_protocol_of_one_scanner_is_one_row():
    (row,) = _protocols(
        *(_series(n, PixelSpacing=(n / 10, n / 10)) for n in range(5, 9))
    ).itertuples()
    assert (row.Manufacturer, row.ManufacturerModelName) == tuple(SCANNER.values())
    assert (row.Modality, row.ProtocolName, row.kind) == ("CT", "Chest", "volume")
    assert (row.patients, row.series, row.stacks, row.images) == (4, 4, 4, 12)
    assert (row.KVP, row.SliceThickness, row.PixelSpacing, row.Rows) == (
        "120",
        "2",
        "0.5 to 0.8",
        "16",
    )
    assert (row.deviating, row.deviates) == (0, "")


def test_series_that_deviate_from_most_of_their_protocol_are_named():
    kernels = ["B31f", "B31f", "B70f", "B31f", None]
    table = _protocols(*(_series(n, ConvolutionKernel=kernel) for n, kernel in enumerate(kernels)))
    (row,) = table.itertuples()
    assert row.ConvolutionKernel == "B31f (3), B70f (1)" and row.deviating == 2
    assert row.deviates == "P2 series 4: kernel B70f, not B31f; P4 series 4: no kernel, not B31f"


def test_without_a_majority_or_with_few_series_none_deviates():
    halves = [_series(n, KVP=80.0 if n % 2 else 120.0) for n in range(4)]
    assert _protocols(*halves)["deviating"].tolist() == [0]
    assert _protocols(_series(1), _series(2, KVP=80.0))["deviating"].tolist() == [0]
    assert (
        _protocols(*(_series(n, PixelSpacing=(n, n)) for n in (1, 1, 1, 2)))["deviating"].sum() == 0
    )


def test_scanners_and_protocols_are_apart_and_numbers_written_otherwise_are_not():
    table = _protocols(
        _series(1, 9),
        _series(2, KVP=120.0000001),
        _series(3, ManufacturerModelName="Sensation 10"),
        _series(4, ProtocolName="Head"),
        _series(5, ImageType=("ORIGINAL", "PRIMARY", "LOCALIZER")),
    )
    assert table["images"].tolist() == [12, 3, 3, 3] and table["series"].tolist() == [2, 1, 1, 1]
    assert sorted(table["kind"]) == ["projection", "volume", "volume", "volume"]
    assert set(table["KVP"]) == {"120"}


def test_settings_are_those_of_the_modality():
    mr = {
        "Modality": "MR",
        "MagneticFieldStrength": 3.0,
        "RepetitionTime": 2000.0,
        "EchoTime": 30.0,
    }
    ct, own = _protocols(_series(1), _series(2, **mr)).itertuples()
    assert (ct.KVP, ct.RepetitionTime, ct.MagneticFieldStrength) == ("120", "", "")
    assert (own.KVP, own.RepetitionTime, own.MagneticFieldStrength) == ("", "2000", "3")


def test_two_echoes_of_each_series_deviate_from_nothing():
    def dual(number):
        rows = [_series(number, EchoTime=echo, Modality="MR") for echo in (10.0, 80.0)]
        return [row | {"path": f"{n}-{row['path']}", "SOPInstanceUID": f"1.{number}.{n}.{k}"}
                for n, own in enumerate(rows) for k, row in enumerate(own)]  # fmt: skip

    (row,) = _protocols(*map(dual, range(4))).itertuples()
    assert (row.EchoTime, row.series, row.stacks, row.deviating) == ("10, 80", 4, 8, 0)


def test_many_deviating_series_are_counted_and_some_named():
    rows = [_series(n, KVP=80.0 if n < 9 else 120.0) for n in range(20)]
    (row,) = _protocols(*rows).itertuples()
    assert row.deviating == 9 and row.deviates.endswith("; 6 more")
    assert row.KVP == "120 (11), 80 (9)"


def test_thousands_of_series_take_less_than_a_second():
    """A radiograph each, with a Tube Voltage of its own: the time of the processor alone."""
    radiograph = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    rng = np.random.default_rng(0)
    rows = [_series(n, 1, KVP=float(rng.integers(80, 125)), **radiograph) for n in range(3000)]
    slices = slice_table(header_frame([{**row, "Modality": "DX"} for (row,) in rows]))
    start = time.process_time()
    (row,) = protocol_table(slices).itertuples()
    assert time.process_time() - start < 1 and row.series == 3000


def test_no_image_is_an_empty_table_and_another_table_is_refused():
    slices = slice_table(header_frame(_series(1)))
    assert len(protocol_table(slices.iloc[:0])) == 0
    with pytest.raises(ClearError, match="expected the table of slice_table"):
        protocol_table(slices.reset_index(drop=True))


def test_identity_has_pseudonyms_where_it_is_hidden(phantom):
    headers = deidentify(header_table(phantom / "P01-reference", cache=False, progress=False))
    table = protocol_table(slice_table(headers))
    assert table["SeriesDescription"].str.startswith("hidden-").all()
