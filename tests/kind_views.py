"""Kinds of images of one view each, over time, and of counts: X-rays, ultrasound, nuclear."""

import numpy as np
from kind_anatomy import (
    breast,
    in_colour,
    kidneys,
    planar_body,
    radiograph,
    ultrasound,
    uptake,
    vessels,
)
from kind_writing import (
    IDENTITY,
    Grid,
    code,
    frame_of_reference,
    header,
    with_pixels,
    write,
    write_slices,
)

from helpers.phantom.anatomy import chest
from helpers.phantom.encoding import data_set

CHEST = code("51185008", "SCT", "Chest")
BREAST = code("76752008", "SCT", "Breast")
VIEWS = {
    "PA": code("272479007", "SCT", "postero-anterior"),
    "AP": code("399348003", "SCT", "antero-posterior"),
    "LL": code("399173006", "SCT", "left lateral"),
    "CC": code("399162004", "SCT", "cranio-caudal"),
    "MLO": code("399368009", "SCT", "medio-lateral oblique"),
}
FRAMES = {True: 6, False: 36}
FLUORINE_18_S = 6586.2  # half-life
POSITIONS = {True: 12, False: 64}


def write_radiographs(folder, small):
    """Six patients: frontal and lateral, CR and DX, one in MONOCHROME1, one bedside AP."""
    rows, columns = (250, 200) if small else (2500, 2000)
    frontal, side = radiograph(rows, columns), radiograph(rows, columns, lateral=True)
    for number in range(1, 7):
        patient = f"X{number:02d}"
        for series, (view, picture, orientation) in enumerate(
            (("AP" if number == 3 else "PA", frontal, "L\\F"), ("LL", side, "P\\F")), 1
        ):
            low_is_white = number == 2
            kind = "CR" if number in (3, 4) else "DX"
            own = _computed(view) if kind == "CR" else _digital(view, low_is_white)
            dataset = header(kind, kind, patient, series, description=f"Chest {view}", **own)
            dataset.PatientOrientation = orientation.split("\\")
            dataset.ImagerPixelSpacing = [350 / columns, 350 / columns]
            stored = np.round(4000 * (1 - picture if low_is_white else picture))
            photometric = "MONOCHROME1" if low_is_white else "MONOCHROME2"
            dataset.WindowCenter, dataset.WindowWidth = 2000, 4000
            with_pixels(dataset, stored, bits=12, photometric=photometric)
            write(folder, f"{patient}/{view}.dcm", dataset)


def _computed(view):
    """Elements of a CR image (PS3.3 A.2)."""
    return {
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "BodyPartExamined": "CHEST",
        "ViewPosition": view,
        "PatientOrientation": "",
    }


def _digital(view, low_is_white, *, kind="PRIMARY"):
    """Elements of a DX image for presentation (PS3.3 A.26)."""
    return {
        **_detector(view),
        "ImageType": ["ORIGINAL", kind, ""],
        "AnatomicRegionSequence": CHEST,
        "ImageLaterality": "U",
        "PresentationLUTShape": "INVERSE" if low_is_white else "IDENTITY",
        "PixelIntensityRelationshipSign": 1 if low_is_white else -1,
        "BodyPartExamined": "CHEST",
    }


def _detector(view):
    """What all images of digital detectors say (PS3.3 C.8.11)."""
    sequence = VIEWS[view]
    sequence[0].ViewModifierCodeSequence = []
    return {
        "PresentationIntentType": "FOR PRESENTATION",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": -1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "US",
        "ViewPosition": view,
        "ViewCodeSequence": sequence,
        "AcquisitionContextSequence": [],
        "DetectorType": "DIRECT",
        "PositionerType": "NONE",
        "AcquisitionDate": "20240312",
        "AcquisitionTime": "101500",
    }


def write_mammograms(folder, small):
    """Three patients of four views; of the second, the right breasts are stored mirrored."""
    rows, columns = (208, 166) if small else (4096, 3328)
    for number in range(1, 4):
        patient = f"M{number:02d}"
        for series, (side, view) in enumerate(
            (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")), 1
        ):
            size = (4096, 3328) if not small else (rows, columns)
            picture = breast(*size, oblique=view == "MLO")
            wall_left = side == "L" or number == 2
            along = "A" if wall_left else "P"
            down = {"CC": {"R": "L", "L": "R"}, "MLO": {"R": "FL", "L": "FR"}}[view][side]
            own = {
                **_detector(view),
                "ImageType": ["ORIGINAL", "PRIMARY", ""],
                "AnatomicRegionSequence": BREAST,
                "BodyPartExamined": "BREAST",
                "ImageLaterality": side,
                "PatientOrientation": [along, down],
                "PositionerType": "MAMMOGRAPHIC",
                "BreastImplantPresent": "NO",
                "PartialView": "NO",
                "OrganExposed": "BREAST",
                "ImagerPixelSpacing": [round(230 / columns, 6)] * 2,
                "WindowCenter": 2048,
                "WindowWidth": 4096,
                **IDENTITY,
            }
            dataset = header("MG", "MG", patient, series, description=f"{side} {view}", **own)
            stored = 4095 * (picture[:, ::-1] if wall_left else picture)
            write(folder, f"{patient}/{side}{view}.dcm", with_pixels(dataset, stored, bits=12))


def write_ultrasound(folder, small):
    """Three patients of two images: grey, and in colour with a box of flow."""
    rows, columns = (120, 160) if small else (480, 640)
    picture = ultrasound(rows, columns)
    for number in range(1, 4):
        patient = f"U{number:02d}"
        for image, colour in enumerate((False, True), 1):
            dataset = header(
                "US", "US", patient, 1, image, description="Liver", **_of_ultrasound(rows, columns)
            )
            stored = in_colour(picture, phase=1) if colour else np.round(255 * picture)
            photometric = "RGB" if colour else "MONOCHROME2"
            with_pixels(dataset, stored, bits=8, photometric=photometric)
            write(folder, f"{patient}/{image}.dcm", dataset)


def write_clips(folder, small):
    """Two patients: a clip in colour played at its Frame Time, one in grey."""
    rows, columns = (120, 160) if small else (480, 640)
    phases = np.linspace(0, 2 * np.pi, FRAMES[small], endpoint=False)
    grey = [ultrasound(rows, columns, phase=phase) for phase in phases]
    for number, colour in enumerate((True, False), 1):
        dataset = header(
            "US cine",
            "US",
            f"E{number:02d}",
            1,
            description="Four chambers",
            **_of_ultrasound(rows, columns),
            FrameTime=40,
            FrameIncrementPointer=0x00181063,
            RecommendedDisplayFrameRate=25,
            CineRate=25,
            StartTrim=1,
            StopTrim=len(phases),
        )
        if colour:
            stored = [in_colour(picture, phase=phase) for picture, phase in zip(grey, phases)]
        else:
            stored = np.round(255 * np.array(grey))
        photometric = "RGB" if colour else "MONOCHROME2"
        with_pixels(dataset, np.array(stored), bits=8, photometric=photometric)
        write(folder, f"E{number:02d}/clip.dcm", dataset)


def _of_ultrasound(rows, columns):
    """Elements of ultrasound: one region of tissue, with the size of its pixels."""
    per_pixel = 15 / (0.9 * rows)  # cm: the sector is 15 cm deep
    region = data_set(
        RegionSpatialFormat=1,  # 2D
        RegionDataType=1,  # tissue
        RegionFlags=2,
        RegionLocationMinX0=0,
        RegionLocationMinY0=0,
        RegionLocationMaxX1=columns - 1,
        RegionLocationMaxY1=rows - 1,
        PhysicalUnitsXDirection=3,  # cm
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=per_pixel,
        PhysicalDeltaY=per_pixel,
    )
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"],
        "SequenceOfUltrasoundRegions": [region],
        "PatientOrientation": "",
        "Laterality": "",
        "LossyImageCompression": "00",
        "BurnedInAnnotation": "NO",
        "UltrasoundColorDataPresent": 0,
    }


def write_angiography(folder, small):
    """Two patients: two runs of a coronary artery each, and one screening under the other tube."""
    size, frames = (64, 6) if small else (512, 60)
    filled = np.linspace(0, 1.1, frames)
    run = np.round(255 * np.array([vessels(size, size, filled=share) for share in filled]))
    for number in (1, 2):
        patient = f"A{number:02d}"
        for series, (first, second) in enumerate(((-30, 20), (45, 0)), 1):
            own = {"PositionerPrimaryAngle": first, "PositionerSecondaryAngle": second}
            _write_run(folder, "XA", patient, series, run, own)
        _write_run(folder, "RF", patient, 3, run[: frames // 2], {"ColumnAngulation": 0})


def _write_run(folder, kind, patient, series, frames, own):
    dataset = header(
        kind,
        kind,
        patient,
        series,
        description={"XA": "Left coronary", "RF": "Swallow"}[kind],
        ImageType=["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
        PixelIntensityRelationship="LIN",
        RadiationSetting="GR",
        KVP=80,
        Exposure="",
        XRayTubeCurrent=300,
        ExposureTime=8,
        PatientOrientation=["L", "F"],
        Laterality="",
        **({"PositionerMotion": "STATIC"} if kind == "XA" else {}),
        FrameTime=66.7,
        FrameIncrementPointer=0x00181063,
        RecommendedDisplayFrameRate=15,
        ImagerPixelSpacing=[0.3, 0.3],
        WindowCenter=128,
        WindowWidth=256,
        LossyImageCompression="00",
        **own,
    )
    write(folder, f"{patient}/{kind}{series}.dcm", with_pixels(dataset, frames, bits=8))


def write_nuclear(folder, small):
    """Two patients: bones from in front and behind in one file, and kidneys over time."""
    rows, columns = (128, 32) if small else (1024, 256)
    side, minutes = (32, 8) if small else (64, 60)
    bones = [planar_body(rows, columns, posterior=behind) for behind in (False, True)]
    renogram = [kidneys(side, side, minute=minute) for minute in np.linspace(0, 20, minutes)]
    for number in (1, 2):
        patient = f"N{number:02d}"
        own = _of_nuclear("WHOLE BODY", 2, 0x00540010, frames=[1, 2])
        own |= {
            "WholeBodyTechnique": "1PS",
            "DetectorVector": [1, 2],
            "NumberOfDetectors": 2,
            "ActualFrameDuration": 600000,
            "ScanVelocity": 2,
            "ScanLength": 2000,
        }
        own["DetectorInformationSequence"] = [_detector_from(view) for view in ("ANT", "POST")]
        dataset = header("NM", "NM", patient, 1, description="Bones", **own)
        dataset.PixelSpacing = [2000 / rows, 500 / columns]
        write(folder, f"{patient}/bones.dcm", _counts(dataset, bones, 500))
        own = _of_nuclear("DYNAMIC", 1, 0x00540030, frames=[1] * minutes)
        own |= {
            "PhaseVector": [1] * minutes,
            "TimeSliceVector": list(range(1, minutes + 1)),
            "NumberOfPhases": 1,
            "PhaseInformationSequence": [
                data_set(
                    PhaseDelay=0,
                    ActualFrameDuration=20000,
                    PauseBetweenFrames=0,
                    NumberOfFramesInPhase=minutes,
                )
            ],
        }
        own["DetectorInformationSequence"] = [_detector_from("POST")]
        own["FrameIncrementPointer"] = [0x00540010, 0x00540020, 0x00540030, 0x00540100]
        dataset = header("NM", "NM", patient, 2, description="Renogram", **own)
        dataset.PixelSpacing = [400 / side, 400 / side]
        write(folder, f"{patient}/kidneys.dcm", _counts(dataset, renogram, 200))


def _counts(dataset, pictures, most):
    rng = np.random.default_rng(5)
    return with_pixels(dataset, rng.poisson(most * np.array(pictures)), bits=16)


def _detector_from(view):
    codes = {"ANT": ("272460009", "Anterior"), "POST": ("272461008", "Posterior")}
    value, meaning = codes[view]
    return data_set(
        CollimatorType="PARA",
        CollimatorGridName="LEHR",
        FieldOfViewShape="RECTANGLE",
        FocalDistance=0,
        StartAngle=0,
        RadialPosition=250,
        ImagePositionPatient=None,
        ImageOrientationPatient=[{"ANT": 1, "POST": -1}[view], 0, 0, 0, 0, -1],
        ViewCodeSequence=code(value, "SCT", meaning),
    )


def _of_nuclear(what, detectors, pointer, *, frames):
    tracer = data_set(
        RadionuclideCodeSequence=code("72454008", "SCT", "^99m^Technetium"),
        RadiopharmaceuticalStartTime="090000",
        RadionuclideTotalDose=600,
        Radiopharmaceutical="Tracer",
    )
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", what, "EMISSION"],
        "FrameIncrementPointer": [pointer, 0x00540020] if what == "WHOLE BODY" else pointer,
        "EnergyWindowVector": [1] * len(frames),
        "NumberOfEnergyWindows": 1,
        "DetectorVector": frames,
        "NumberOfDetectors": detectors,
        "EnergyWindowInformationSequence": [
            data_set(
                EnergyWindowRangeSequence=[
                    data_set(EnergyWindowLowerLimit=126, EnergyWindowUpperLimit=154)
                ],
                EnergyWindowName="Tc99m",
            )
        ],
        "RadiopharmaceuticalInformationSequence": [tracer],
        "PatientOrientationCodeSequence": code("102538003", "SCT", "recumbent"),
        "PatientGantryRelationshipCodeSequence": code("102540008", "SCT", "headfirst"),
        "PatientOrientation": "",
        "Laterality": "",
        "CountsAccumulated": 500000,
        "LossyImageCompression": "00",
        "AcquisitionDate": "20240312",
        "AcquisitionTime": "101500",
    }


def write_pet_ct(folder, small):
    """Two patients: a CT and a PET in one frame of reference, of different pixels and gaps."""
    ct = Grid(15 if small else 120, 64 if small else 512, 400, 20 if small else 2.5)
    pet = Grid(12 if small else 75, 32 if small else 128, 500, 25 if small else 4)
    for number in (1, 2):
        patient = f"T{number:02d}"
        shared = {
            **frame_of_reference(patient),
            "PatientWeight": 70,
            "PatientSize": 1.75,
        }
        write_slices(
            folder / patient / "CT", "CT", "CT", patient, 2, ct, hounsfield,
            description="CT for attenuation", bits=12,
            **of_ct("B30f", PatientPosition="HFS"), **shared,
        )  # fmt: skip
        write_slices(
            folder / patient / "PET", "PT", "PT", patient, 3, pet, _becquerel,
            description="PET corrected", bits=16, per_slice=_of_bed, **_of_pet(pet), **shared,
        )  # fmt: skip


def hounsfield(points):
    """Stored values of the chest with an intercept of -1024."""
    return chest(points) + 1024


def of_ct(kernel, **more):
    """Elements of a CT image (PS3.3 C.8.2)."""
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "BodyPartExamined": "CHEST",
        "KVP": 120,
        "ConvolutionKernel": kernel,
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
        "RescaleType": "HU",
        "AcquisitionNumber": 1,
        "WindowCenter": 40,
        "WindowWidth": 400,
        "LossyImageCompression": "00",
        **more,
    }


def _becquerel(points):
    """Stored values of a slope of 2 Bq/ml: a hot node of 60 000 Bq/ml, an SUV of about 16."""
    return 30000 * uptake(points)


def _of_bed(number):
    return {"ImageIndex": number + 1}


def _of_pet(grid):
    tracer = data_set(
        RadiopharmaceuticalRoute="IV",
        RadiopharmaceuticalStartTime="091500",
        RadiopharmaceuticalStartDateTime="20240312091500",
        RadionuclideTotalDose=3.7e8,
        RadionuclideHalfLife=FLUORINE_18_S,
        RadionuclidePositronFraction=0.97,
        RadionuclideCodeSequence=code("77004003", "SCT", "^18^Fluorine"),
        RadiopharmaceuticalCodeSequence=code("35321007", "SCT", "Fluorodeoxyglucose F^18^"),
        Radiopharmaceutical="FDG",
    )
    return {
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "AcquisitionDate": "20240312",
        "AcquisitionTime": "101500",
        "SeriesTime": "101500",
        "Units": "BQML",
        "BodyPartExamined": "CHEST",
        "CountsSource": "EMISSION",
        "SeriesType": ["STATIC", "IMAGE"],
        "NumberOfSlices": grid.slices,
        "CorrectedImage": ["DECY", "ATTN", "SCAT"],
        "DecayCorrection": "START",
        "CollimatorType": "NONE",
        "ActualFrameDuration": 120000,
        "FrameReferenceTime": 60000,
        "DecayFactor": 1.01,
        "AttenuationCorrectionMethod": "CT",
        "RandomsCorrectionMethod": "DLYD",
        "ReconstructionMethod": "OSEM",
        "RescaleIntercept": 0,
        "RescaleSlope": 2,
        "LossyImageCompression": "00",
        "RadiopharmaceuticalInformationSequence": [tracer],
        "PatientOrientationCodeSequence": code("102538003", "SCT", "recumbent"),
        "PatientGantryRelationshipCodeSequence": code("102540008", "SCT", "headfirst"),
    }
