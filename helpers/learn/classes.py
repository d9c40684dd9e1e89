"""Which images have a class, said by a table, and can be learned from? No fastai here."""

import numpy as np
import pandas as pd

from helpers.errors import require_type
from helpers.labels.annotation_marks import drawable
from helpers.learn.cohort import NO_SLICE, POSITION_REPEATED, POSITION_UNKNOWN, training_table
from helpers.slices.arrays import frames_of, paths_of

WITHOUT_POSITION = {  # why an image is of no use where its position is asked for, and only there
    *(NO_SLICE + kind for kind in ("projection", "picture")),
    *(POSITION_UNKNOWN, POSITION_REPEATED),
}
WHOLE_FILE = -1  # frame of what is said of a file
JOINT = ", "


def class_table(slices: pd.DataFrame, annotations: pd.DataFrame) -> pd.DataFrame:
    """One row per image that a table gives a class and that can be learned from.

    The class of an image is all that it has a name for there, in alphabetical order. Radiographs,
    mammograms and pictures are learned from, as slices are; masks, doses, tiles, clips, images in
    colour and those that cannot be read are left out, and so is what the table says of patients.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    annotations : DataFrame of `helpers.annotation_table`

    Returns
    -------
    DataFrame, the rows and columns of `helpers.training_table`, with ``class``; its positions may
        be missing
    """
    require_type(annotations, pd.DataFrame, "of annotation_table")
    table = training_table(slices)
    left_out = table["left_out"].mask(table["left_out"].isin(WITHOUT_POSITION), "")
    table = table.assign(left_out=left_out, **{"class": _classes(table, annotations)})
    return table[(table["left_out"] == "") & table["class"].notna()]


def _classes(table: pd.DataFrame, annotations: pd.DataFrame) -> np.ndarray:
    """The class of each image (n,), None where the table has none for it or for its file."""
    own = drawable(annotations)[["path", "frame", "name"]].drop_duplicates()
    own = own.assign(frame=own["frame"].fillna(WHOLE_FILE).astype(int)).sort_values("name")
    names = own.groupby(["path", "frame"])["name"].agg(JOINT.join)
    paths, frames = paths_of(table), frames_of(table)
    of_image, of_file = (
        names.reindex(pd.MultiIndex.from_arrays([paths, numbers])).to_numpy(object)
        for numbers in (frames, [WHOLE_FILE] * len(table))
    )
    found: np.ndarray = np.where(pd.isna(of_image), of_file, of_image)
    found[pd.isna(found)] = None
    return found
