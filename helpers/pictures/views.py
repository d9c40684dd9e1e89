"""What does a collection look like whose images are views? One picture of each, as readers hang."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.errors import ClearError, WrongTypeError, require_type
from helpers.files.names import natural_ranks
from helpers.pictures.hanging import hung, rows_of_study, side_and_view
from helpers.pictures.slices import show_slice
from helpers.pictures.style import PADDING_COLOUR, DrawingError, as_written
from helpers.pixels.blocks import block_means
from helpers.runtime import in_threads_if_slow
from helpers.slices.arrays import frames_of, numbers, paths_of
from helpers.slices.kinds import MAMMOGRAPHY
from helpers.volume.slice import Slice, load_slice

EACH_IS_A_VIEW = ("projection", "picture")  # kinds whose images are shown one by one
MAX_COLUMNS = 4
CELL_INCHES = (3.0, 3.3)  # of one picture, with its title
TITLE_INCHES = 0.42
MAX_PIXELS = 900  # of the longer side of what is drawn; larger images are averaged
LABEL_WORDS = ("LABEL",)  # Image Type of a picture of a slide's label, which has names on it
SLIDE_PICTURES = ("OVERVIEW", "THUMBNAIL", *LABEL_WORDS)
MASK_WINDOW = (0.5, 1)  # nothing is black, anything is white
BREAST = "BREAST"


class Cell(NamedTuple):
    """Where one picture stands: row and column of the figure, and to which side it is moved."""

    number: int
    row: int
    column: int
    anchor: str


def show_views(
    slices: pd.DataFrame,
    *,
    most: int = 12,
    window: object = None,
    figure: Figure | None = None,
    identity: bool = False,
) -> list[Axes]:
    """Draws images of one view each, in their own aspect and window; returns the list of Axes.

    A radiograph, mammogram, capture or photograph is a picture of its own; of a clip, a volume, a
    dose or a mask it is the middle image; of a slide its overview. Mammograms whose side and view
    are known hang as readers hang them, a study at a time: the right breast on the left, chest
    walls together, CC above MLO. They are mirrored where Patient Orientation proves that they have
    to be, and the title says so. All others stand behind, as they are stored, patient after
    patient.

    Parameters
    ----------
    slices : DataFrame
        Of `helpers.slice_table`, or some of its rows.
    most : of how many pictures the first ones are drawn
    window : as `Slice.window` takes it; None for each image's own
    identity : whether to name patient and series, and to draw pictures of a slide's label

    Raises
    ------
    DrawingError
        Where there is no image.

    References
    ----------
    PS3.3 C.7.6.1.1.1, C.8.11.7; PS3.17 Annex A
    """
    rows, hidden = _one_of_each(_checked(slices), identity)
    if not len(rows):
        raise DrawingError(f"expected rows of slice_table with an image, found none{hidden}")
    drawn = rows.iloc[: max(1, most)]
    pictures = [
        _hung(picture, row) for picture, row in zip(_loaded(drawn), drawn.to_dict("records"))
    ]
    cells = _cells(pictures, drawn)
    axes = _axes(cells, figure)
    for ax, cell in zip(axes, cells):
        picture, row = pictures[cell.number], drawn.iloc[cell.number]
        of_mask = MASK_WINDOW if window is None and row["kind"] == "segmentation" else window
        _draw(ax, picture, of_mask, cell.anchor)
        title = _title(picture, row, identity)
        ax.set_title(title, fontsize=8, **as_written(title))
    count = f"{len(drawn):,} of {len(rows):,}" if len(drawn) < len(rows) else f"{len(rows):,}"
    noun = "picture" if len(rows) == 1 else "pictures"
    axes[0].figure.suptitle(f"{count} {noun}{hidden}", fontsize=10, wrap=True)
    return axes


def _checked(slices: pd.DataFrame) -> pd.DataFrame:
    require_type(slices, pd.DataFrame, "of slice_table")
    if "path" not in slices.index.names or "kind" not in slices:
        raise WrongTypeError("expected the table of slice_table(headers), or rows of it")
    return slices


def _one_of_each(slices: pd.DataFrame, identity: bool) -> tuple[pd.DataFrame, str]:
    """(a row for each picture, patient after patient, what is hidden in words)."""
    kind = slices["kind"].to_numpy()
    single = np.flatnonzero(np.isin(kind, EACH_IS_A_VIEW))
    slides, labelled = np.flatnonzero(kind == "slide"), 0
    if not identity:
        shown = slides[~_shows_label(slices.iloc[slides])]
        slides, labelled = shown, len(slides) - len(shown)
    others = np.flatnonzero(~np.isin(kind, (*EACH_IS_A_VIEW, "slide")))
    chosen = [single, _overviews(slices, slides), _middles(slices, others)]
    rows = slices.iloc[np.concatenate(chosen).astype(int)]
    hidden = f"; {labelled} with a slide's label left out (identity=True draws them)"
    return rows.iloc[_by_patient(rows)], hidden if labelled else ""


def _shows_label(slides: pd.DataFrame) -> np.ndarray:
    """Which images of slides show the label, on which a name may be written."""
    said = [
        str(value) == "YES" for value in slides.get("SpecimenLabelInImage", [None] * len(slides))
    ]
    words = [bool(set(_words(value)) & set(LABEL_WORDS)) for value in _image_types(slides)]
    return np.array(said, bool) | np.array(words, bool)


def _overviews(slices: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Of each series of slides its overview, thumbnail and label; else its smallest level."""
    table = slices.iloc[rows]
    is_picture = [bool(set(_words(value)) & set(SLIDE_PICTURES)) for value in _image_types(table)]
    chosen = []
    for places in _groups(table, "SeriesInstanceUID"):
        pictures = [place for place in places if is_picture[place]]
        frames = np.nan_to_num(numbers(table.iloc[places], "NumberOfFrames"), nan=1)
        chosen += pictures or [places[int(np.argmin(frames))]]
    return rows[chosen]


def _middles(slices: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """The middle image of each stack."""
    groups = _groups(slices.iloc[rows], "SeriesInstanceUID", "stack")
    return rows[[places[len(places) // 2] for places in groups]]


def _groups(table: pd.DataFrame, *levels: str) -> list[np.ndarray]:
    """The row numbers of each group by levels of the index; one group where it has none of them."""
    if not len(table):
        return []
    known = [table.index.get_level_values(name) for name in levels if name in table.index.names]
    code = pd.MultiIndex.from_arrays(known).factorize()[0] if known else np.zeros(len(table), int)
    order = np.argsort(code, kind="stable")
    return np.split(order, np.cumsum(np.bincount(code))[:-1])


def _by_patient(rows: pd.DataFrame) -> np.ndarray:
    """The order of pictures: patient, study, then file and frame, all as people count."""
    paths = natural_ranks(paths_of(rows))
    keys = [np.array(frames_of(rows)), paths]
    for keyword in ("StudyInstanceUID", "PatientID"):
        if keyword in rows:  # by the first file of each
            codes = pd.factorize(rows[keyword].astype(str))[0]
            first = np.full(codes.max(initial=-1) + 1, np.iinfo(int).max)
            np.minimum.at(first, codes, paths)
            keys.append(first[codes])
    return np.lexsort(keys)


def _loaded(rows: pd.DataFrame) -> Iterator[Slice | ClearError]:
    """The picture of each row, averaged where it is large; or why there is none."""
    return in_threads_if_slow(_load, zip(paths_of(rows), frames_of(rows)))


def _load(place: tuple[str, int]) -> Slice | ClearError:
    try:
        return reduced(load_slice(place[0], frame=int(place[1])))
    except ClearError as error:
        return error


def reduced(slice: Slice) -> Slice:
    """The same picture with at most `MAX_PIXELS` rows and columns, by means of blocks.

    Its windows are those of the whole image.
    """
    step = -(-max(slice.array.shape[:2]) // MAX_PIXELS)
    if step == 1:
        return slice
    name, window = slice.window() if slice.array.ndim == 2 else ("", None)
    pixels, padding = block_means(slice.array, slice.padding, (step, step))
    return replace(
        slice,
        array=pixels,
        padding=padding,
        spacing=(slice.spacing[0] * step, slice.spacing[1] * step),
        windows={**slice.windows, name: window} if window and not slice.windows else slice.windows,
    )


def _hung(picture: Slice | ClearError, row: dict) -> Slice | ClearError:
    """A mammogram as it hangs; anything else as it is, and of no side and view to be hung by."""
    if not isinstance(picture, Slice):
        return picture
    if row.get("Modality") == MAMMOGRAPHY or str(row.get("BodyPartExamined")).upper() == BREAST:
        return hung(picture)
    return replace(picture, caption={**picture.caption, "side": ""})


def _cells(pictures: list, rows: pd.DataFrame) -> list[Cell]:
    """Where each picture stands: studies of mammograms two by two, all others in rows behind."""
    breasts = {
        number: picture
        for number, picture in enumerate(pictures)
        if isinstance(picture, Slice) and side_and_view(picture)
    }
    keywords = [keyword for keyword in ("PatientID", "StudyInstanceUID") if keyword in rows]
    studies: dict[tuple, dict[int, Slice]] = {}
    for number, picture in breasts.items():
        study = tuple(str(rows[keyword].iloc[number]) for keyword in keywords)
        studies.setdefault(study, {})[number] = picture
    others = [number for number in range(len(pictures)) if number not in breasts]
    cells, top, deepest = [], 0, 0
    for index, study_rows in enumerate(map(rows_of_study, studies.values())):
        left = 2 * (index % 2)
        top = deepest if not left else top
        deepest = max(deepest, top + len(study_rows))
        cells += [
            Cell(number, top + row, left + column, "EW"[column])
            for row, pair in enumerate(study_rows)
            for column, number in enumerate(pair)
            if number is not None
        ]
    columns = min(MAX_COLUMNS, max(len(others), *(cell.column + 1 for cell in cells), 1))
    cells += [
        Cell(number, deepest + place // columns, place % columns, "C")
        for place, number in enumerate(others)
    ]
    return cells


def _axes(cells: list[Cell], figure: Figure | None) -> list[Axes]:
    """An Axes for each cell; those of a pair of mammograms touch."""
    columns = max(cell.column + (cell.anchor == "E") for cell in cells) + 1
    rows = max(cell.row for cell in cells) + 1
    width, height = CELL_INCHES[0] * columns, CELL_INCHES[1] * rows + TITLE_INCHES
    figure = plt.figure(figsize=(width, height)) if figure is None else figure
    gap = TITLE_INCHES / CELL_INCHES[1]
    paired = any(cell.anchor != "C" for cell in cells)
    grid = figure.add_gridspec(
        rows,
        columns,
        left=0.01,
        right=0.99,
        bottom=0.01,
        top=1 - 2 * TITLE_INCHES / height,
        hspace=gap / (1 - gap),
        wspace=0.0 if paired else 0.04,
    )
    axes = [figure.add_subplot(grid[cell.row, cell.column]) for cell in cells]
    for ax, cell in zip(axes, cells):
        if paired and cell.anchor == "C":  # which touches none of its neighbours
            box = ax.get_position()
            ax.set_position((box.x0 + 0.02 * box.width, box.y0, 0.96 * box.width, box.height))
    return axes


def _draw(ax: Axes, picture: Slice | ClearError, window: object, anchor: str) -> None:
    if isinstance(picture, Slice):
        show_slice(picture, window=window, ax=ax, corners="spacing")
    else:
        words = str(picture)
        ax.text(0.5, 0.5, words, ha="center", va="center", fontsize=8, **as_written(words))
        ax.set(facecolor=PADDING_COLOUR)
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="", anchor=anchor)


def _title(picture: Slice | ClearError, row: pd.Series, identity: bool) -> str:
    """Side and view, or what the image is; then what was done to it."""
    modality = str(row.get("Modality") or "")
    if not isinstance(picture, Slice):
        return " · ".join(filter(None, (modality, "cannot be drawn")))
    caption = picture.caption
    plane = caption.get("plane", "").replace("unknown", "")
    words = [word.lower() for word in _words(row.get("ImageType")) if word in SLIDE_PICTURES]
    number = caption.get("slice", "")
    number = number.replace("frame", "tile") if row["kind"] == "slide" else number
    empty = row["kind"] == "segmentation" and not picture.array.any()
    what = [modality, plane, *words, "" if words else number, "nothing marked" if empty else ""]
    lines = [caption.get("view") or " · ".join(filter(None, what)), caption.get("remark", "")]
    if identity:
        lines.insert(0, " · ".join(filter(None, (caption.get("patient"), caption.get("series")))))
    return "\n".join(filter(None, lines))


def _image_types(table: pd.DataFrame) -> list:
    return table["ImageType"].tolist() if "ImageType" in table else [None] * len(table)


def _words(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)
