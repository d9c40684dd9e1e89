"""Which organs does somebody outline on the phantom, and where are they?

An organ is an ellipsoid a little inside of the one that `helpers.phantom.anatomy` fills, whatever
the patient's size: so its place and size are known without the files that say them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.phantom.scans import Scan

SEGMENTATION, STRUCTURES = "segmentation.dcm", "structures.dcm"  # names of the files of labels
IN_SLICE = 1e-3  # share of a radius below which a section is none


class Organ(NamedTuple):
    """An ellipsoid in LPS mm, without the one in its middle where it has a hole."""

    name: str
    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    code: tuple[str, str]  # of SNOMED CT, and its meaning
    hole: tuple[float, float, float] | None = None  # radii

    def sections(self, z: float) -> list[tuple[float, float]]:
        """(x, y) radii at a height: of the outline, then of the hole; none beside the organ."""
        found = []
        for radii in filter(None, (self.radii, self.hole)):
            share = 1 - ((z - self.center[2]) / radii[2]) ** 2
            if share > IN_SLICE:
                found.append((radii[0] * share**0.5, radii[1] * share**0.5))
        return found

    def mask(self, points: np.ndarray) -> np.ndarray:
        """Which points (..., 3) in LPS mm lie in it."""
        inside = (((points - self.center) / self.radii) ** 2).sum(-1) < 1
        if self.hole is None:
            return inside
        in_hole = (((points - self.center) / self.hole) ** 2).sum(-1) < 1
        return inside & ~in_hole


LEFT_LUNG = Organ("Left lung", (80, 8, 12), (48, 74, 112), ("39607008", "Lung"))
HEART = Organ("Heart", (34, -38, -34), (50, 42, 44), ("80891009", "Heart"))  # reaches into the lung
LIVER = Organ("Liver", (-62, -6, -122), (92, 84, 70), ("10200004", "Liver"))
CHEST_WALL = Organ(
    "Chest wall", (0, 0, 0), (150, 103, 900), ("78904004", "Chest wall"), hole=(134, 88, 900)
)
SEGMENTS, REGIONS = (LEFT_LUNG, HEART), (LIVER, CHEST_WALL)


def organ_rows(scan: Scan) -> pd.DataFrame:
    """What is labelled on a scan, as geometry has it: columns name, path, ml, x, y and z.

    Returns
    -------
    DataFrame with the volume in ml of the sections of all slices, each as thick as the gap, and the
        centre of the organ's outline in LPS mm. Pixels and polygons agree to within their sampling.
    """
    rows = []
    heights = (np.arange(scan.slices) - (scan.slices - 1) / 2) * scan.gap
    for path, organs in ((SEGMENTATION, SEGMENTS), (STRUCTURES, REGIONS)):
        for organ in organs:
            areas = np.array([_area(organ.sections(z)) for z in heights.tolist()])
            place = (*organ.center[:2], float(heights @ areas / areas.sum()))
            rows.append((organ.name, path, areas.sum() * scan.gap / 1000, *place))
    return pd.DataFrame(rows, columns=["name", "path", "ml", "x", "y", "z"])


def _area(sections: Sequence[tuple[float, float]]) -> float:
    """The area of an ellipse in square mm, without that of its hole."""
    areas = [np.pi * rx * ry for rx, ry in sections]
    return areas[0] - sum(areas[1:]) if areas else 0.0
