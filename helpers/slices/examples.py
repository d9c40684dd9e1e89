"""Which images stand for the others? The middle of a stack, or the phantom where there is none."""

import pandas as pd

from helpers.collection import phantom_root
from helpers.errors import WrongTypeError, require_type
from helpers.headers.table import header_table
from helpers.privacy.pseudonyms import deidentified_table
from helpers.slices.contents import contents_line
from helpers.slices.stacks import stack_table
from helpers.slices.table import slice_table

NO_VOLUME = "No stack of this collection is a volume in the patient: here is the phantom instead."


def images_or_phantom(headers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(header table, slice table) of a collection; of the phantom where it has no image.

    In the latter case two lines are printed: what the collection holds, and what is shown.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    """
    slices = slice_table(headers)
    if len(slices):
        return headers, slices
    print(contents_line(headers), "The pictures show the phantom.", sep="\n")
    return _phantom_tables()


def volumes_or_phantom(slices: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(slice table, stacks that can be loaded as voxels); of the phantom where there is none.

    In the latter case a line is printed that says so.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`

    Returns
    -------
    (as `slices`, rows of `helpers.stack_table` that are volumes as a whole or in part)
    """
    volumes = _volumes(slices)
    if len(volumes):
        return slices, volumes
    print(NO_VOLUME)
    slices = _phantom_tables()[1]
    return slices, _volumes(slices)


def middle_image(images: pd.DataFrame) -> pd.Series:
    """The row of the image in the middle of a stack; its ``name`` is (path, frame).

    Parameters
    ----------
    images : rows of `helpers.slice_table` of one stack, ``slices.loc[stack]``

    Raises
    ------
    WrongTypeError
        Where that is no such table, or one without a row.
    """
    require_type(images, pd.DataFrame, "slices.loc[stack]")
    if images.empty:
        raise WrongTypeError("expected the images of a stack, got a table without a row")
    return images.iloc[len(images) // 2]


def neighbouring_files(headers: pd.DataFrame, slices: pd.DataFrame) -> pd.Index:
    """Paths of all readable files: slices first, those of a stack side by side, then the others.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    slices : DataFrame of `helpers.slice_table` for these headers
    """
    is_slice = slices["kind"] == "volume"
    first, second = (slices[own].index.unique("path") for own in (is_slice, ~is_slice))
    return first.append([second, headers.index[headers["error"].isna()]]).unique()


def _phantom_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    headers = deidentified_table(header_table(phantom_root()))  # as its files are read again
    return headers, slice_table(headers)


def _volumes(slices: pd.DataFrame) -> pd.DataFrame:
    stacks = stack_table(slices)
    return stacks[stacks["volume"] != "no"]
