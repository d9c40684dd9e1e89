"""Kinds of collections with other objects: masks, doses, slides, documents, and as they come."""

import numpy as np
from kind_anatomy import card, tissue_section
from kind_views import POSITIONS, hounsfield, of_ct
from kind_writing import (
    Grid,
    code,
    frame_of_reference,
    header,
    reference,
    uid,
    with_pixels,
    write,
    write_slices,
)
from PIL import ImageCms

from helpers.phantom.anatomy import chest
from helpers.phantom.encoding import data_set
from helpers.phantom.scans import SCANS, full_size
from helpers.phantom.writing import write_phantom

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
LEFT_LUNG, LIVER = code("44029006", "SCT", "Left lung"), code("10200004", "SCT", "Liver")
TISSUE = code("91723000", "SCT", "Anatomical structure")


def write_with_objects(folder, small):
    """One patient: a CT, masks of two organs, structures, a plan and a dose on it."""
    patient, size = "R01", 48 if small else 512
    grid = Grid(8 if small else 100, size, 384, 30 if small else 2.5)
    shared = {**frame_of_reference(patient), "PatientPosition": "HFS"}
    ct = write_slices(
        folder / patient / "CT", "CT", "CT", patient, 1, grid, hounsfield,
        description="Planning", bits=12, **of_ct("B30s"), **shared,
    )  # fmt: skip
    write(folder, f"{patient}/masks.dcm", _masks(patient, grid, ct))
    structures = _structures(patient, ct)
    write(folder, f"{patient}/structures.dcm", structures)
    plan = _plan(patient, structures)
    write(folder, f"{patient}/plan.dcm", plan)
    write(folder, f"{patient}/dose.dcm", _dose(patient, grid, plan))


def _masks(patient, grid, ct):
    """A segmentation (PS3.3 A.51) of the left lung and the liver, a frame for each slice."""
    organs = (("Left lung", LEFT_LUNG, 0), ("Liver", LIVER, 1))
    frames, groups = [], []
    for segment, (_, _, which) in enumerate(organs, 1):
        for number, image in enumerate(ct):
            frames.append(_organ(grid.points(number), which))
            plane = grid.plane(number)
            groups.append(
                data_set(
                    FrameContentSequence=[data_set(DimensionIndexValues=[segment, number + 1])],
                    PlanePositionSequence=[
                        data_set(ImagePositionPatient=plane.ImagePositionPatient)
                    ],
                    SegmentIdentificationSequence=[data_set(ReferencedSegmentNumber=segment)],
                    DerivationImageSequence=[_derived_from(image)],
                )
            )
    plane = grid.plane(0)
    shared = data_set(
        PixelMeasuresSequence=[
            data_set(
                PixelSpacing=plane.PixelSpacing,
                SliceThickness=grid.gap,
                SpacingBetweenSlices=grid.gap,
            )
        ],
        PlaneOrientationSequence=[data_set(ImageOrientationPatient=plane.ImageOrientationPatient)],
    )
    dataset = header(
        "SEG", "SEG", patient, 5, description="Left lung and liver",
        **frame_of_reference(patient),
        ImageType=["DERIVED", "PRIMARY"],
        ContentLabel="ORGANS",
        ContentDescription="",
        ContentCreatorName="",
        SegmentationType="BINARY",
        LossyImageCompression="00",
        DimensionOrganizationSequence=[
            data_set(DimensionOrganizationUID=uid(patient, "dimensions"))
        ],
        DimensionIndexSequence=[
            _dimension(patient, 0x0062000B, 0x0062000A),
            _dimension(patient, 0x00200032, 0x00209113),
        ],
        SegmentSequence=[
            data_set(
                SegmentNumber=number,
                SegmentLabel=label,
                SegmentAlgorithmType="MANUAL",
                SegmentedPropertyCategoryCodeSequence=TISSUE,
                SegmentedPropertyTypeCodeSequence=organ,
            )
            for number, (label, organ, _) in enumerate(organs, 1)
        ],
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=groups,
        ReferencedSeriesSequence=[
            data_set(
                SeriesInstanceUID=ct[0].SeriesInstanceUID,
                ReferencedInstanceSequence=[reference(image) for image in ct],
            )
        ],
    )  # fmt: skip
    return with_pixels(dataset, np.array(frames), bits=1)


def _organ(points, which):
    x, _, z = np.moveaxis(points, -1, 0)
    hu = chest(points)
    return ((hu < -700) & (x > 20) & (hu > -950)) if which == 0 else (hu == 62) & (x < 30) & (z < 0)


def _derived_from(image):
    source = reference(image, PurposeOfReferenceCodeSequence=code("121322", "DCM", "Source image"))
    return data_set(
        SourceImageSequence=[source],
        DerivationCodeSequence=code("113076", "DCM", "Segmentation"),
    )


def _dimension(patient, pointer, group):
    return data_set(
        DimensionOrganizationUID=uid(patient, "dimensions"),
        DimensionIndexPointer=pointer,
        FunctionalGroupPointer=group,
    )


def _structures(patient, ct):
    """Structures (PS3.3 A.19): one outline on each of two slices of the CT."""
    outlines = [
        data_set(
            ContourImageSequence=[reference(image)],
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=4,
            ContourData=[
                part
                for x, y in ((20, -60), (60, -60), (60, -20), (20, -20))
                for part in (x, y, image.ImagePositionPatient[2])
            ],
        )
        for image in ct[3:5]
    ]
    series = data_set(
        SeriesInstanceUID=ct[0].SeriesInstanceUID,
        ContourImageSequence=[reference(image) for image in ct],
    )
    study = data_set(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=ct[0].StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return header(
        "structures", "RTSTRUCT", patient, 6, description="Heart",
        **frame_of_reference(patient),
        OperatorsName="",
        StructureSetLabel="HEART",
        StructureSetDate="20240312",
        StructureSetTime="110000",
        ApprovalStatus="UNAPPROVED",
        ReferencedFrameOfReferenceSequence=[
            data_set(
                FrameOfReferenceUID=ct[0].FrameOfReferenceUID, RTReferencedStudySequence=[study]
            )
        ],
        StructureSetROISequence=[
            data_set(
                ROINumber=1,
                ReferencedFrameOfReferenceUID=ct[0].FrameOfReferenceUID,
                ROIName="Heart",
                ROIGenerationAlgorithm="MANUAL",
            )
        ],
        ROIContourSequence=[
            data_set(ROIDisplayColor=[255, 0, 0], ReferencedROINumber=1, ContourSequence=outlines)
        ],
        RTROIObservationsSequence=[
            data_set(
                ObservationNumber=1,
                ReferencedROINumber=1,
                RTROIInterpretedType="ORGAN",
                ROIInterpreter="",
            )
        ],
    )  # fmt: skip


def _plan(patient, structures):
    return header(
        "plan", "RTPLAN", patient, 7, description="Plan",
        **frame_of_reference(patient),
        OperatorsName="",
        RTPlanLabel="PLAN",
        RTPlanDate="20240312",
        RTPlanTime="113000",
        RTPlanGeometry="PATIENT",
        ApprovalStatus="UNAPPROVED",
        ReferencedStructureSetSequence=[reference(structures)],
        FractionGroupSequence=[
            data_set(
                FractionGroupNumber=1,
                NumberOfFractionsPlanned=25,
                NumberOfBeams=0,
                NumberOfBrachyApplicationSetups=0,
            )
        ],
    )  # fmt: skip


def _dose(patient, grid, plan):
    """A dose (PS3.3 A.18) around the heart, in every second pixel of the CT."""
    coarse = grid._replace(size=grid.size // 2)
    x, y, z = np.moveaxis(np.array([coarse.points(n) for n in range(coarse.slices)]), -1, 0)
    gray = 50 * np.exp(-(((x - 34) / 60) ** 2 + ((y + 38) / 60) ** 2 + ((z + 34) / 60) ** 2))
    dataset = header(
        "dose", "RTDOSE", patient, 8, description="Dose",
        **frame_of_reference(patient),
        OperatorsName="",
        FrameIncrementPointer=0x3004000C,
        GridFrameOffsetVector=[number * grid.gap for number in range(grid.slices)],
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DoseSummationType="PLAN",
        DoseGridScaling=0.001,
        ReferencedRTPlanSequence=[reference(plan)],
    )  # fmt: skip
    dataset.update(coarse.plane(0))
    return with_pixels(dataset, np.round(gray / 0.001), bits=16)


def write_slides(folder, small):
    """One specimen: two levels of tiles, the overview of the slide and its label."""
    side, tile = (128, 32) if small else (4096, 256)
    _write_level(folder, 1, tissue_section(side, side), tile, "VOLUME", 10.0)
    quarter = side // 4
    _write_level(folder, 2, tissue_section(quarter, quarter), tile, "VOLUME", 10.0)
    overview = np.full((quarter, 3 * quarter, 3), 245, np.uint8)
    overview[:, quarter : 2 * quarter] = tissue_section(quarter, quarter)
    _write_level(folder, 3, overview, None, "OVERVIEW", 75.0)
    _write_level(folder, 4, card(quarter, quarter), None, "LABEL", 25.0)


def _write_level(folder, series, picture, tile, what, width_mm):
    """One image of a slide (PS3.3 A.32.8), in tiles row by row (TILED_FULL) or whole."""
    rows, columns = picture.shape[:2]
    high, wide = (tile, tile) if tile else (rows, columns)
    tiles = [
        picture[top : top + high, left : left + wide]
        for top in range(0, rows, high)
        for left in range(0, columns, wide)
    ]
    path = data_set(
        OpticalPathIdentifier="1",
        IlluminationTypeCodeSequence=code("111744", "DCM", "Brightfield illumination"),
        IlluminationColorCodeSequence=code("414298005", "SCT", "Full Spectrum"),
        ICCProfile=_icc(),
        ColorSpace="SRGB",
    )
    measures = data_set(PixelSpacing=[width_mm / columns] * 2, SliceThickness=0.004)
    kind = data_set(FrameType=["ORIGINAL", "PRIMARY", what, "NONE"])
    specimen = data_set(
        SpecimenIdentifier="SPEC1",
        SpecimenUID=uid("W01", "specimen"),
        IssuerOfTheSpecimenIdentifierSequence=[],
        SpecimenPreparationSequence=[],
    )
    dataset = header(
        "slide", "SM", "W01", 1, series, description="HE",
        FrameOfReferenceUID=uid("W01", "slide"),
        ImageType=kind.FrameType,
        ContainerIdentifier="SLIDE1",
        IssuerOfTheContainerIdentifierSequence=[],
        ContainerTypeCodeSequence=code("433466003", "SCT", "Microscope slide"),
        SpecimenDescriptionSequence=[specimen],
        AcquisitionContextSequence=[],
        AcquisitionDateTime="20240312101500",
        AcquisitionDuration=30.0,
        VolumetricProperties="VOLUME",
        SpecimenLabelInImage="YES" if what in ("LABEL", "OVERVIEW") else "NO",
        BurnedInAnnotation="YES" if what in ("LABEL", "OVERVIEW") else "NO",
        FocusMethod="AUTO",
        ExtendedDepthOfField="NO",
        LossyImageCompression="00",
        ImagedVolumeWidth=width_mm,
        ImagedVolumeHeight=width_mm * rows / columns,
        ImagedVolumeDepth=4.0,
        TotalPixelMatrixColumns=columns,
        TotalPixelMatrixRows=rows,
        TotalPixelMatrixFocalPlanes=1,
        TotalPixelMatrixOriginSequence=[
            data_set(
                XOffsetInSlideCoordinateSystem=20.0, YOffsetInSlideCoordinateSystem=40.0
            )
        ],
        ImageOrientationSlide=[0, -1, 0, -1, 0, 0],
        OpticalPathSequence=[path],
        NumberOfOpticalPaths=1,
        DimensionOrganizationType="TILED_FULL",
        DimensionOrganizationSequence=[
            data_set(DimensionOrganizationUID=uid("W01", series, "dimensions"))
        ],
        PositionReferenceIndicator="SLIDE_CORNER",
        SharedFunctionalGroupsSequence=[
            data_set(
                PixelMeasuresSequence=[measures],
                WholeSlideMicroscopyImageFrameTypeSequence=[kind],
                OpticalPathIdentificationSequence=[data_set(OpticalPathIdentifier="1")],
            )
        ],
    )  # fmt: skip
    if what == "LABEL":
        dataset.BarcodeValue = dataset.LabelText = ""
    with_pixels(dataset, np.array(tiles), bits=8, photometric="RGB")
    write(folder, f"W01/{what.lower()}-{columns}.dcm", dataset)


def _icc():
    """The colour space of screens (IEC 61966-2-1)."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def write_documents(folder, small):
    """Two patients: a screen capture, a photograph, a PDF, a report, a presentation state."""
    rows, columns = (90, 120) if small else (900, 1200)
    for number in (1, 2):
        patient = f"C{number:02d}"
        capture = header(
            "SC", "OT", patient, 1, description="Screen",
            ConversionType="WSD", BurnedInAnnotation="YES", ImageType=["DERIVED", "SECONDARY"],
            PatientOrientation="", BodyPartExamined="CHEST", LossyImageCompression="00",
        )  # fmt: skip
        with_pixels(capture, card(rows, columns), bits=8, photometric="RGB")
        write(folder, f"{patient}/screen.dcm", capture)
        photograph = header(
            "photograph", "XC", patient, 2, description="Skin",
            ImageType=["ORIGINAL", "PRIMARY"], PatientOrientation=["L", "F"], Laterality="",
            LossyImageCompression="00", AcquisitionContextSequence=[], ConversionType="DI",
            AnatomicRegionSequence=code("39937001", "SCT", "Skin"),
        )  # fmt: skip
        with_pixels(photograph, card(rows, columns), bits=8, photometric="RGB")
        write(folder, f"{patient}/photograph.dcm", photograph)
        write(folder, f"{patient}/letter.dcm", _letter(patient))
        write(folder, f"{patient}/report.dcm", _report(patient, capture))
        write(folder, f"{patient}/state.dcm", _state(patient, capture))


def _letter(patient):
    return header(
        "PDF", "DOC", patient, 3, description="Letter",
        ConversionType="WSD",
        BurnedInAnnotation="YES",
        AcquisitionDateTime="",
        DocumentTitle="Letter",
        ConceptNameCodeSequence=[],
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=PDF + b"\0" * (len(PDF) % 2),
    )  # fmt: skip


def _report(patient, image):
    """A basic text report (PS3.3 A.35.1) that refers to an image which is here."""
    text = data_set(
        RelationshipType="CONTAINS",
        ValueType="TEXT",
        ConceptNameCodeSequence=code("121071", "DCM", "Finding"),
        TextValue="Nothing of note.",
    )
    evidence = data_set(
        StudyInstanceUID=image.StudyInstanceUID,
        ReferencedSeriesSequence=[
            data_set(
                SeriesInstanceUID=image.SeriesInstanceUID, ReferencedSOPSequence=[reference(image)]
            )
        ],
    )
    picture = data_set(
        RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[reference(image)]
    )
    return header(
        "report", "SR", patient, 4, description="Report",
        ReferencedPerformedProcedureStepSequence=[],
        PerformedProcedureCodeSequence=[],
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        ValueType="CONTAINER",
        ConceptNameCodeSequence=code("18748-4", "LN", "Diagnostic imaging report"),
        ContinuityOfContent="SEPARATE",
        CurrentRequestedProcedureEvidenceSequence=[evidence],
        ContentSequence=[text, picture],
    )  # fmt: skip


def _state(patient, image):
    """A presentation state (PS3.3 A.33.1) of an image which is here."""
    area = data_set(
        ReferencedImageSequence=[reference(image)],
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[image.Columns, image.Rows],
        PresentationSizeMode="SCALE TO FIT",
        PresentationPixelAspectRatio=[1, 1],
    )
    return header(
        "presentation", "PR", patient, 5, description="State",
        BodyPartExamined="CHEST",
        PresentationCreationDate="20240312",
        PresentationCreationTime="120000",
        ContentLabel="STATE",
        ContentDescription="",
        ContentCreatorName="",
        ReferencedSeriesSequence=[
            data_set(
                SeriesInstanceUID=image.SeriesInstanceUID,
                ReferencedImageSequence=[reference(image)],
            )
        ],
        DisplayedAreaSelectionSequence=[area],
        PresentationLUTShape="IDENTITY",
    )  # fmt: skip


def write_messy(folder, small):
    """A download as it comes, which `messy_download` writes."""
    from messy_download import write_messy_download

    write_messy_download(folder)


def write_osic(folder, small):
    """Chest CT of the phantom, or of as many patients as OSIC has; one more in two kernels."""
    write_phantom(folder, scans=SCANS[1:4] if small else full_size())
    write_two_kernels(folder, small=small)


def write_two_kernels(folder, *, small=True):
    """One chest CT in two reconstructions, both described "5mm": nothing but the kernel differs."""
    grid = Grid(POSITIONS[small], 48 if small else 512, 384, 27 if small else 5)
    for series, kernel in enumerate(("B30f", "B70f"), 2):
        write_slices(
            folder / "K01" / str(series), "CT", "CT", "K01", series, grid,
            hounsfield if kernel == "B30f" else _sharp,
            description="5mm", bits=12, PatientPosition="HFS", **of_ct(kernel),
            **frame_of_reference("K01"),
        )  # fmt: skip


def _sharp(points):
    noise = np.random.default_rng(len(points)).normal(0, 60, points.shape[:2])
    return np.clip(hounsfield(points) + noise, 0, 4095)
