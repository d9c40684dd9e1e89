"""What does the viewer need to know of the annotations of images that are no volume?"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from helpers.labels.annotation_marks import image_labels, pictured
from helpers.labels.labels import SliceLabels
from helpers.pictures.colours import is_repeated_colour, label_colour
from helpers.pictures.labelled import outline
from helpers.viewer.image_data import Images
from helpers.viewer.volume_labels import shown_labels

ON_IMAGES = "image"  # stands for the plane of a volume


class ImageLabels:
    """The annotations of some images, each found when its image is looked at.

    Parameters
    ----------
    annotations : DataFrame of `helpers.annotation_table`
    images : those that are looked at
    """

    def __init__(self, annotations: pd.DataFrame, images: Images) -> None:
        self.images = images
        drawn = pictured(annotations)
        self._of_path = {
            path: drawn.iloc[rows] for path, rows in drawn.groupby("path").indices.items()
        }
        here = drawn["path"].isin(set(images.paths))
        self._values = {name: value for value, name in enumerate(pd.unique(drawn["name"][here]), 1)}

    @property
    def data(self) -> dict[str, Any]:
        """All that does not change while images are looked at, as a dict of JSON's own types."""
        return self.data_of(range(len(self.images)))

    def data_of(self, chosen: Sequence[int]) -> dict[str, Any]:
        """The same where some rows of the images are looked at alone."""
        counts = {name: np.zeros(len(self.images), int) for name in self._values}
        named = {path: self._named(path) for path in dict.fromkeys(self.images.paths)}
        for row, (path, frame) in enumerate(zip(self.images.paths, self.images.frames)):
            for name, own in named[path]:
                counts[name][row] += own in (frame, None)
        items = [self._item(name, counts[name][[*chosen]]) for name in self._values]
        return {"items": items, "marks": [], "remark": ""}

    def of(self, row: int) -> list[dict[str, Any]]:
        """What is drawn on the image of a row: for each label its outline and marks, in pixels."""
        labels = self._on(row)
        return [found for name in self._values if (found := self._drawn(name, labels))]

    def shown(self, row: int, hidden: Sequence[int]) -> SliceLabels:
        """The labels of the image of a row without those that are switched off."""
        return shown_labels(self._on(row), hidden)

    def _on(self, row: int) -> SliceLabels:
        """The labels of the image of a row, each with the value that its name has here."""
        path, frame = self.images.paths[row], int(self.images.frames[row])
        own = self._of_path.get(path)
        if own is None:
            return SliceLabels(())
        found = image_labels(own, path, frame, shape=self.images.slice(row).array.shape[:2])
        values = {label.value: self._values[label.name] for label in found.labels}
        table = np.zeros(max(values, default=0) + 1, np.uint16)
        table[[*values]] = [*values.values()]
        labels = tuple(replace(one, value=values[one.value]) for one in found.labels)
        marks = tuple(mark._replace(value=values[mark.value]) for mark in found.marks)
        return SliceLabels(labels, tuple(table[one] for one in found.maps), marks)

    def _named(self, path: str) -> list[tuple[str, int | None]]:
        """(name, frame) of each annotation of a file; None for what is said of all its frames."""
        own = self._of_path.get(path)
        if own is None:
            return []
        frames = [None if pd.isna(frame) else int(frame) for frame in own["frame"]]
        return list(zip(own["name"], frames))

    def _item(self, name: str, counts: np.ndarray) -> dict[str, Any]:
        value = self._values[name]
        images = int((counts > 0).sum())
        return {
            "name": name,
            "text": f"{name}: {images} image{'' if images == 1 else 's'}",
            "about": "",
            "value": value,
            "layer": None,
            "colour": label_colour(value),
            "dashed": is_repeated_colour(value),
            "counts": {ON_IMAGES: counts.tolist()},
        }

    def _drawn(self, name: str, labels: SliceLabels) -> dict[str, Any] | None:
        """One label on an image; None where it has none."""
        known = next((label for label in labels.labels if label.name == name), None)
        if known is None:
            return None
        mask = labels.mask(known)
        marks = [
            {"shape": mark.shape, "places": mark.places, "words": ""}
            for mark in labels.marks
            if mark.value == known.value
        ]
        edges = [] if mask is None else outline(mask).astype(int).ravel().tolist()
        if not marks and not edges:
            return None
        return {"value": self._values[name], "outline": edges, "marks": marks}


def reduced_labels(labels: SliceLabels, factors: tuple[int, int]) -> SliceLabels:
    """The labels of an image on fewer pixels, each of which stands for (down, right) of it."""
    down, right = factors
    maps = tuple(one[down // 2 :: down, right // 2 :: right] for one in labels.maps)
    marks = tuple(
        mark._replace(
            places=tuple(
                ((row + 0.5) / down - 0.5, (column + 0.5) / right - 0.5)
                for row, column in mark.places
            )
        )
        for mark in labels.marks
    )
    return replace(labels, maps=maps, marks=marks)
