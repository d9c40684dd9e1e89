"""What do labels look like, one picture each? Their largest sections, and annotated images."""

from dataclasses import replace
from functools import lru_cache
from textwrap import fill, shorten

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.errors import ClearError, require_type
from helpers.labels.annotation_marks import image_labels, pictured
from helpers.labels.labels import Labels, SliceLabels
from helpers.labels.loading import BY_REFERENCE, FRAME_DIFFERS, load_labels
from helpers.pictures.labelled import ml_text
from helpers.pictures.slices import show_slice
from helpers.pictures.style import PADDING_COLOUR, axes_grid, line_of_text
from helpers.volume.slice import Slice, load_slice
from helpers.volume.volume import Volume, load_volume

MAX_COLUMNS = 3
CELL_INCHES = (4.0, 4.4)  # of one picture, with its title
MAX_TITLE_LENGTH = 55  # characters of a line


def show_labelled(
    rows: pd.DataFrame, slices: pd.DataFrame, *, most: int = 6, figure: Figure | None = None
) -> list[Axes]:
    """Draws labels of a table in their order, each where its cross-section is largest.

    Rows of annotations are drawn as `show_annotated` does. Without any, a line of text.

    Parameters
    ----------
    rows : DataFrame of `helpers.label_table`, or of `helpers.strangest_labels`, which say why; or
        of `helpers.annotation_table`
    slices : DataFrame of `helpers.slice_table`
    most : how many are drawn
    """
    require_type(rows, pd.DataFrame, "of label_table")
    if "ml" not in rows:
        return show_annotated(rows, most=most, figure=figure)
    drawn = rows[rows["ml"] > 0].head(max(1, most))
    if drawn.empty:
        return [line_of_text("There is no label with voxels here")]
    axes = axes_grid(len(drawn), MAX_COLUMNS, *CELL_INCHES, figure)
    volume_of = lru_cache(1)(lambda stack: load_volume(slices.loc[stack], progress=False))
    for ax, (key, row) in zip(axes, drawn.iterrows()):
        try:
            volume = volume_of(key[:2])
            labels = load_labels(_source(row), volume)
            _draw(ax, *_largest_section(volume, labels, key[2]))
        except ClearError as error:
            _write(ax, error)
        _name(ax, f"{key[2]}: {ml_text(row['ml'])}", row.get("why", ""))
    return axes


def show_annotated(
    annotations: pd.DataFrame, *, most: int = 6, figure: Figure | None = None
) -> list[Axes]:
    """Draws images that a table annotates: those with most boxes, points and masks, of each name.

    Where the table has classes alone, an image of each class that is present, so none of the value
    0. Without any image, a line of text.

    Parameters
    ----------
    annotations : DataFrame of `helpers.annotation_table`
    most : how many images are drawn
    """
    require_type(annotations, pd.DataFrame, "of annotation_table")
    images = _annotated_images(annotations).head(max(1, most))
    if images.empty:
        return [line_of_text("No single image is annotated")]
    axes = axes_grid(len(images), MAX_COLUMNS, *CELL_INCHES, figure)
    for ax, (path, frame) in zip(axes, images.itertuples(index=False)):
        try:
            labels = image_labels(annotations, path, frame)
            _draw(ax, load_slice(path, frame=frame), labels)
            _name(ax, ", ".join(label.name for label in labels.labels))
        except ClearError as error:
            _write(ax, error)
    return axes


def _source(row: pd.Series) -> pd.DataFrame:
    """The file of a row of `helpers.label_table`, as a row of `helpers.labels_of` has it."""
    by = BY_REFERENCE if FRAME_DIFFERS in row["remark"] else ""
    return pd.DataFrame({"by": [by]}, pd.Index([row["path"]], name="path"))


def _largest_section(volume: Volume, labels: Labels, name: str) -> tuple[Slice, SliceLabels]:
    """The slice of the acquired plane on which a label is largest, and the label alone."""
    plane, label = volume.acquired_plane, labels.label(name)
    index = int(labels.counts(label, plane).argmax())
    alone = replace(labels.slice(plane, index), labels=(label,), marks=())
    return volume.slice(plane, index), alone


def _annotated_images(annotations: pd.DataFrame) -> pd.DataFrame:
    """(path, frame) of images, the first of each name before others, those with most before all."""
    placed = pictured(annotations)
    marked = placed[placed["shape"].ne("class")]
    shown = marked if len(marked) else placed
    shown = shown.assign(frame=shown["frame"].fillna(0).astype(int))
    shown["count"] = shown.groupby(["path", "frame"], sort=False)["row"].transform("size")
    shown = shown.sort_values("count", ascending=False, kind="stable")
    ordered = pd.concat([shown.drop_duplicates("name"), shown])
    return ordered[["path", "frame"]].drop_duplicates()


def _draw(ax: Axes, picture: Slice, labels: SliceLabels) -> None:
    show_slice(picture, ax=ax, labels=labels, corners=False)
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")


def _name(ax: Axes, *lines: str) -> None:
    """Writes lines above a picture, as far as there is room."""
    short = [shorten(line, MAX_TITLE_LENGTH, placeholder=" …") for line in lines if line]
    ax.set_title("\n".join(short), fontsize=9, parse_math=False)


def _write(ax: Axes, error: ClearError) -> None:
    words = fill(str(error), MAX_TITLE_LENGTH)
    ax.text(0.5, 0.5, words, ha="center", va="center", fontsize=8, parse_math=False)
    ax.set(facecolor=PADDING_COLOUR, xticks=[], yticks=[])
