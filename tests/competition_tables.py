"""Made-up tables in the forms of competitions, and collections that they speak of: headers alone.

The forms are those of the competitions' published descriptions; no row is of theirs.
"""

import pandas as pd
from truth_headers import FIRST_UID, header_frame, header_row

from helpers.slices.table import slice_table

SPINE = {"4003253": ("702807833", "1054713880"), "4646740": ("3201256954",)}  # study → its series
SPINE_SHAPE, SPINE_SPACING = (64, 48), (0.5, 0.8)
RADIOGRAPH_SHAPE = (60, 40)
RADIOGRAPHS = ("0004cfab-14fd", "00313ee0-9eaa", "00322d4d-1c29", "003d8fa0-6bf1")
SUBTYPES = ("epidural", "intraparenchymal", "subdural", "any")

OSIC = """Patient,Weeks,FVC,Percent,Age,Sex,SmokingStatus
ID00007,-4,2315,58.253649,79,Male,Ex-smoker
ID00007,5,2214,55.712129,79,Male,Ex-smoker
ID00009,7,2061,51.862104,66,Female,Never smoked
ID00010,31,1900,47.1,66,Female,Never smoked
"""
PNEUMONIA = f"""patientId,x,y,width,height,Target
{RADIOGRAPHS[0]},,,,,0
{RADIOGRAPHS[1]},3.0,10.0,12.0,20.0,1
{RADIOGRAPHS[1]},22.0,11.0,13.0,21.0,1
{RADIOGRAPHS[2]},30.0,50.0,20.0,20.0,1
ffffffff-0000,1.0,2.0,3.0,4.0,1
"""
PNEUMONIA_CLASSES = f"""patientId,class
{RADIOGRAPHS[0]},No Lung Opacity / Not Normal
{RADIOGRAPHS[1]},Lung Opacity
{RADIOGRAPHS[1]},Lung Opacity
{RADIOGRAPHS[3]},Normal
"""
SPINE_POINTS = """study_id,series_id,instance_number,condition,level,x,y
4003253,702807833,3,Spinal Canal Stenosis,L1/L2,20.25,30.5
4003253,702807833,4,Left Neural Foraminal Narrowing,L4/L5,10.75,12.25
4646740,3201256954,1,Spinal Canal Stenosis,L1/L2,7.5,5.5
4646740,3201256954,77,Spinal Canal Stenosis,L2/L3,7.5,5.5
"""
SPINE_CLASSES = """study_id,spinal_canal_stenosis_l1_l2,left_neural_foraminal_narrowing_l1_l2
4003253,Normal/Mild,Severe
4646740,Moderate,
8785691,Severe,Severe
"""
SPINE_SEVERITIES = """study_id,spinal_canal_stenosis_l1_l2,spinal_canal_stenosis_l2_l3,\
left_neural_foraminal_narrowing_l1_l2,left_neural_foraminal_narrowing_l4_l5
4003253,Normal/Mild,Moderate,Severe,Severe
4646740,Moderate,,Normal/Mild,Normal/Mild
"""


def haemorrhage(images):
    """The table of intracranial haemorrhage: an image and a subtype in one column."""
    rows = [
        f"{image}_{subtype},{int(subtype in ('any', 'subdural') and number % 2)}"
        for number, image in enumerate(images)
        for subtype in SUBTYPES
    ]
    return "\n".join(["ID,Label", *rows]) + "\n"


def spine_slices():
    """Sagittal slices: folders named by study and series, files by number, UIDs otherwise."""
    rows = []
    for study, several in SPINE.items():
        for series in several:
            for number in range(1, 6):
                rows.append(
                    header_row(
                        f"/data/train_images/{study}/{series}/{number}.dcm",
                        Modality="MR",
                        PatientID=f"patient of {study}",
                        StudyInstanceUID=f"{FIRST_UID}.1.{study}",
                        SeriesInstanceUID=f"{FIRST_UID}.2.{series}",
                        FrameOfReferenceUID=f"{FIRST_UID}.3.{study}",
                        InstanceNumber=number,
                        ImagePositionPatient=(4.0 * number - 10, -30.0, 25.0),
                        ImageOrientationPatient=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
                        Rows=SPINE_SHAPE[0],
                        Columns=SPINE_SHAPE[1],
                        PixelSpacing=SPINE_SPACING,
                        SliceThickness=4.0,
                    )
                )
    return slice_table(header_frame(rows))


def radiograph_slices():
    """One radiograph of each patient, whose file is named by the patient; nothing in space."""
    return slice_table(
        header_frame(
            [
                header_row(
                    f"/data/stage_2_train_images/{patient}.dcm",
                    PatientID=patient,
                    SOPInstanceUID=radiograph_uid(patient),
                    StudyInstanceUID=f"{FIRST_UID}.1.{number}",
                    SeriesInstanceUID=f"{FIRST_UID}.2.{number}",
                    InstanceNumber=1,
                    Rows=RADIOGRAPH_SHAPE[0],
                    Columns=RADIOGRAPH_SHAPE[1],
                    ImageOrientationPatient=None,
                    PixelSpacing=(0.2, 0.2),
                )
                for number, patient in enumerate(RADIOGRAPHS)
            ]
        )
    )


def radiograph_uid(patient):
    return f"{FIRST_UID}.4.{RADIOGRAPHS.index(patient)}"


def chest_slices():
    """Axial slices of two patients, in folders of their IDs, files named by numbers."""
    return slice_table(
        header_frame(
            [
                header_row(
                    f"/data/train/{patient}/{number}.dcm",
                    PatientID=patient,
                    StudyInstanceUID=f"{FIRST_UID}.1.{patient[2:]}",
                    SeriesInstanceUID=f"{FIRST_UID}.2.{patient[2:]}",
                    InstanceNumber=number,
                    ImagePositionPatient=(0.0, 0.0, -5.0 * number),
                )
                for patient in ("ID00007", "ID00009")
                for number in range(1, 5)
            ]
        )
    )


def numbered_slices(count=4, *, folder="/data", instance=None, **header):
    """Axial slices of a patient named 1, in files named by numbers from 1."""
    return slice_table(
        header_frame(
            [
                header_row(
                    f"{folder}/{number}.dcm",
                    **{"PatientID": "1", "ImagePositionPatient": (0.0, 0.0, 2.0 * number)} | header,
                    InstanceNumber=instance(number) if instance else number,
                )
                for number in range(1, count + 1)
            ]
        )
    )


def written(folder, text, *, name="train.csv", encoding="utf-8"):
    """The path of a table that has been written."""
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def table_of(**columns):
    return pd.DataFrame(columns)
