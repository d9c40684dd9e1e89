"""Kinds of magnetic resonance images: brain, spine, diffusion, function, mosaics, enhanced."""

import numpy as np
from kind_anatomy import SIGNALS, head, spine
from kind_writing import Grid, frame_of_reference, header, uid, with_pixels, write, write_slices

from helpers.phantom.encoding import data_set

SAGITTAL = (0, 1, 0, 0, 0, -1)
SEQUENCES = {  # of a brain: description, TR, TE, TI, sequence
    "T1": ("t1_se_tra", 550, 12, None, "SE"),
    "T2": ("t2_tse_tra", 4000, 98, None, "SE"),
    "FLAIR": ("t2_flair_tra", 9000, 105, 2500, "IR"),
}


def write_brain(folder, small):
    """Two patients: T1, T2, FLAIR, diffusion with b = 0 and 1000 in one series, its ADC map."""
    grid = Grid(6 if small else 28, 48 if small else 512, 230, 24 if small else 5)
    for number in (1, 2):
        patient = f"B{number:02d}"
        for series, (name, (text, tr, te, ti, sequence)) in enumerate(SEQUENCES.items(), 1):
            own = of_mr(patient, sequence, tr, te, text)
            if ti:
                own["InversionTime"] = ti
            write_slices(
                folder / patient / text, "MR", "MR", patient, series, grid,
                _signal(head, name), **own,
            )  # fmt: skip
        for place, (name, b_value) in enumerate((("b0", 0), ("b1000", 1000))):
            own = of_mr(patient, "EP", 5000, 90, "ep2d_diff_3scan_trace")
            own["ImageType"] = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
            write_slices(
                folder / patient / "diffusion", "MR", "MR", patient, 4, grid, _signal(head, name),
                first=1 + place * grid.slices, DiffusionBValue=float(b_value), **own,
            )  # fmt: skip
        own = of_mr(patient, "EP", 5000, 90, "ep2d_diff_3scan_trace_ADC")
        own["ImageType"] = ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]
        write_slices(
            folder / patient / "ADC", "MR", "MR", patient, 5, grid, _signal(head, "ADC"), **own
        )


def write_spine(folder, small):
    """Two patients: sagittal T1 and T2, and axial slices through three discs, each tilted."""
    size = 48 if small else 512
    sagittal = Grid(5 if small else 15, size, 300, 10 if small else 4, SAGITTAL)
    for number in (1, 2):
        patient = f"S{number:02d}"
        for series, (name, text, tr, te) in enumerate(
            (("T1", "t1_tse_sag", 600, 11), ("T2", "t2_tse_sag", 3500, 100)), 1
        ):
            write_slices(
                folder / patient / text, "MR", "MR", patient, series, sagittal,
                _signal(spine, name), **of_mr(patient, "SE", tr, te, text, "LSPINE"),
            )  # fmt: skip
        own = of_mr(patient, "SE", 4200, 105, "t2_tse_tra_discs", "LSPINE")
        for place, (height, degrees) in enumerate(((35, -8), (0, 0), (-35, 14))):
            down = (0, np.cos(np.radians(degrees)), np.sin(np.radians(degrees)))
            grid = Grid(3, size, 200, 4, (1, 0, 0, *down), (0, 0, height))
            write_slices(
                folder / patient / "discs", "MR", "MR", patient, 3, grid, _signal(spine, "T2"),
                first=1 + 3 * place, **own,
            )  # fmt: skip


def write_diffusion(folder, small):
    """One patient, one series: b = 0 once, b = 1000 and 2000 in several directions."""
    grid = Grid(5 if small else 40, 32 if small else 128, 230, 28 if small else 3)
    directions = _directions(3 if small else 30)
    own = of_mr("D01", "EP", 8000, 90, "ep2d_diff_mddw")
    own["ImageType"] = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
    measured = [(0, None)] + [(b, way) for b in (1000, 2000) for way in directions]
    for place, (b_value, way) in enumerate(measured):
        more = {"DiffusionBValue": float(b_value), "DiffusionDirectionality": "NONE"}
        if way is not None:
            more |= {"DiffusionDirectionality": "DIRECTIONAL", "DiffusionGradientOrientation": way}
        write_slices(
            folder / "D01", "MR", "MR", "D01", 1, grid, _weighted(b_value, way),
            first=1 + place * grid.slices, **own, **more,
        )  # fmt: skip


def write_fmri(folder, small):
    """One patient: a run of volumes, a file per slice, and the anatomy."""
    grid = Grid(5 if small else 30, 32 if small else 64, 220, 24 if small else 4)
    volumes = 6 if small else 100
    anatomy = Grid(6 if small else 30, 48 if small else 256, 220, 24 if small else 4)
    write_slices(
        folder / "F01" / "anatomy", "MR", "MR", "F01", 1, anatomy, _signal(head, "T1"),
        **of_mr("F01", "GR", 2300, 3, "t1_mprage"),
    )  # fmt: skip
    own = of_mr("F01", "EP", 2000, 30, "bold_rest")
    for volume in range(volumes):
        own["AcquisitionTime"] = _clock(2 * volume)
        own["AcquisitionNumber"] = own["TemporalPositionIdentifier"] = volume + 1
        active = 1 + 0.1 * (volume // 10 % 2) if not small else 1 + 0.1 * (volume % 2)
        write_slices(
            folder / "F01" / "bold", "MR", "MR", "F01", 2, grid, _active(active),
            first=1 + volume * grid.slices, NumberOfTemporalPositions=volumes, **own,
        )  # fmt: skip


def write_mosaic(folder, small):
    """One patient: each file is a Siemens mosaic, a whole volume side by side."""
    tiles, side = (9, 32) if small else (36, 64)
    across = int(np.ceil(np.sqrt(tiles)))
    grid = Grid(tiles, side, 220, 16 if small else 4)
    values = [_signal(head, "EPI")(grid.points(number)) for number in range(tiles)]
    mosaic = np.zeros((across * side, across * side))
    for number, tile in enumerate(values):
        top, left = divmod(number, across)
        mosaic[top * side : (top + 1) * side, left * side : (left + 1) * side] = tile
    whole = Grid(1, across * side, across * 220, 4)
    for volume in range(4 if small else 100):
        own = of_mr("Q01", "EP", 2000, 30, "ep2d_bold_mosaic")
        own["ImageType"] = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
        own |= {"Manufacturer": "SIEMENS", "AcquisitionTime": _clock(2 * volume)}
        own["AcquisitionNumber"] = volume + 1
        dataset = header("MR", "MR", "Q01", 1, volume + 1, **own)
        dataset.update(whole.plane(0))
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0A, "US", tiles)
        block.add_new(0x0B, "FD", [float(n) for n in range(tiles)])
        write(folder, f"Q01/{volume + 1}.dcm", with_pixels(dataset, mosaic, bits=12))


def write_enhanced(folder, small):
    """One patient: one file of two echoes, one of a sagittal stack."""
    size = 32 if small else 256
    axial = Grid(5 if small else 30, size, 230, 24 if small else 5)
    sagittal = Grid(5 if small else 30, size, 230, 24 if small else 5, SAGITTAL)
    for series, (grid, echoes, text) in enumerate(
        ((axial, ((20, "T1"), (80, "T2")), "two echoes"), (sagittal, ((90, "T2"),), "sagittal")), 1
    ):
        places = [(echo, number) for echo in range(len(echoes)) for number in range(grid.slices)]
        values = [_signal(head, echoes[echo][1])(grid.points(number)) for echo, number in places]
        dataset = header(
            "enhanced MR", "MR", "H01", series, description=text,
            **frame_of_reference("H01"), **_of_enhanced(grid),
        )  # fmt: skip
        dataset.DimensionOrganizationSequence = [
            data_set(DimensionOrganizationUID=uid("H01", series, "dimensions"))
        ]
        dataset.DimensionIndexSequence = [
            _dimension("H01", series, 0x00209056, 0x00209111),
            _dimension("H01", series, 0x00209057, 0x00209111),
            _dimension("H01", series, 0x00189082, 0x00189114),
        ]
        dataset.PerFrameFunctionalGroupsSequence = [
            _frame_groups(grid, number, echo, echoes[echo][0]) for echo, number in places
        ]
        with_pixels(dataset, np.array(values), bits=12)
        write(folder, f"H01/{series}.dcm", dataset)


def of_mr(patient, sequence, repetition, echo, description, body="BRAIN"):
    """Elements of an MR image (PS3.3 C.8.3)."""
    return {
        **frame_of_reference(patient),
        "description": description,
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        "BodyPartExamined": body,
        "ScanningSequence": sequence,
        "SequenceVariant": "SK",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "RepetitionTime": repetition,
        "EchoTime": echo,
        "EchoTrainLength": 1,
        "FlipAngle": 90,
        "MagneticFieldStrength": 3,
        "ImagedNucleus": "1H",
        "PatientPosition": "HFS",
        "ProtocolName": description,
        "AcquisitionNumber": 1,
        "LossyImageCompression": "00",
        "WindowCenter": 600,
        "WindowWidth": 1200,
    }


def _signal(anatomy, name):
    """Points → stored values of a weighting, with a little noise."""

    def values(points):
        signals = np.array(SIGNALS[name], float)[anatomy(points)]
        seed = abs(int(1000 * points[0, 0].sum() + points[0, 0, 2]))
        noise = np.random.default_rng(seed).normal(0, 8, signals.shape)
        return np.clip(signals + noise * (signals > 0), 0, 4095)

    return values


def _weighted(b_value, way):
    """Points → stored values of a diffusion weighting: fibres from left to right lose signal."""

    def values(points):
        bright = _signal(head, "b0")(points)
        loss = 1 if way is None else 1 + way[0] ** 2 * (np.abs(points[..., 0]) < 30)
        return bright * np.exp(-b_value * 8e-4 * loss)

    return values


def _active(factor):
    def values(points):
        found = _signal(head, "EPI")(points)
        behind = (points[..., 1] > 50) & (np.abs(points[..., 0]) < 40)
        return np.where(behind, factor, 1) * found

    return values


def _directions(count):
    """Unit vectors, spread evenly over the sphere."""
    n = np.arange(count) + 0.5
    height, turn = 1 - 2 * n / count, np.pi * (1 + 5**0.5) * n
    flat = np.sqrt(1 - height**2)
    return np.stack((flat * np.cos(turn), flat * np.sin(turn), height), 1).tolist()


def _clock(seconds):
    return f"10{15 + seconds // 60:02d}{seconds % 60:02d}"


def _dimension(patient, series, pointer, group):
    return data_set(
        DimensionOrganizationUID=uid(patient, series, "dimensions"),
        DimensionIndexPointer=pointer,
        FunctionalGroupPointer=group,
    )


def _frame_groups(grid, number, echo, milliseconds):
    plane = grid.plane(number)
    return data_set(
        FrameContentSequence=[
            data_set(
                FrameAcquisitionNumber=1,
                FrameAcquisitionDateTime="20240312101500",
                FrameReferenceDateTime="20240312101500",
                FrameAcquisitionDuration=1000.0,
                StackID="1",
                InStackPositionNumber=number + 1,
                DimensionIndexValues=[1, number + 1, echo + 1],
            )
        ],
        PlanePositionSequence=[data_set(ImagePositionPatient=plane.ImagePositionPatient)],
        MREchoSequence=[data_set(EffectiveEchoTime=float(milliseconds))],
    )


def _of_enhanced(grid):
    """Elements and shared functional groups of an enhanced MR image (PS3.3 A.36)."""
    plane = grid.plane(0)
    frame_type = {
        "FrameType": ["DERIVED", "PRIMARY", "VOLUME", "NONE"],
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "ComplexImageComponent": "MAGNITUDE",
        "AcquisitionContrast": "UNKNOWN",
    }
    shared = data_set(
        PixelMeasuresSequence=[
            data_set(PixelSpacing=plane.PixelSpacing, SliceThickness=plane.SliceThickness)
        ],
        PlaneOrientationSequence=[data_set(ImageOrientationPatient=plane.ImageOrientationPatient)],
        FrameAnatomySequence=[
            data_set(
                AnatomicRegionSequence=[
                    data_set(
                        CodeValue="12738006", CodingSchemeDesignator="SCT", CodeMeaning="Brain"
                    )
                ],
                FrameLaterality="U",
            )
        ],
        PixelValueTransformationSequence=[
            data_set(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")
        ],
        FrameVOILUTSequence=[data_set(WindowCenter=600, WindowWidth=1200)],
        MRImageFrameTypeSequence=[data_set(**frame_type)],
    )
    return {
        "ImageType": frame_type["FrameType"],
        "SharedFunctionalGroupsSequence": [shared],
        "AcquisitionContextSequence": [],
        "AcquisitionDateTime": "20240312101500",
        "AcquisitionDuration": 60.0,
        "AcquisitionNumber": 1,
        "ResonantNucleus": "1H",
        "KSpaceFiltering": "NONE",
        "MagneticFieldStrength": 3.0,
        "ApplicableSafetyStandardAgency": "IEC",
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "ComplexImageComponent": "MAGNITUDE",
        "AcquisitionContrast": "UNKNOWN",
        "ContentQualification": "PRODUCT",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "PatientPosition": "HFS",
    }
