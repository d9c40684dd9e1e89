"""Where is the body on a volume of CT: its middle, and the air around it?"""

import numpy as np

from helpers.volume.volume import Volume

BODY_HU = -300  # and above; air and lungs are below
MIN_BODY_SHARE = 0.05  # of a volume's voxels, where Hounsfield units can be right
MAX_SAMPLES = 128  # voxels along an axis that are looked at
EDGE = 0.04  # of a volume's width: what must be air on both sides, so that all of a body is seen
MAX_EDGE_SHARE = 0.1  # of body there
MAX_SLICES = 8  # of a label, in which it is looked whether it lies in air


class Body:
    """The body on a volume; nothing is known of it where values are not in Hounsfield units."""

    def __init__(self, volume: Volume) -> None:
        self._volume, self._steps = volume, steps_of(volume.array.shape)
        self._tissue = volume.array[tuple(slice(None, None, step) for step in self._steps)]
        self._tissue = self._tissue > BODY_HU
        is_known = volume.unit == "HU" and volume.anatomical_orientation == "BIPED"
        self._is_known = is_known and bool(self._tissue.mean() > MIN_BODY_SHARE)
        self._around: dict[int, np.ndarray] = {}

    def x_of(self, voxels: np.ndarray) -> np.ndarray:
        """x in LPS mm of voxels (3, m)."""
        x: np.ndarray = self._volume.affine[0, :3] @ voxels + self._volume.affine[0, 3]
        return x

    def middle_x(self, voxels: np.ndarray) -> float:
        """x of the middle of the body in LPS mm, at the height of voxels (3, m).

        NaN where it is not known, or the body reaches to the sides of the volume.
        """
        axis = int(np.abs(self._volume.affine[2, :3]).argmax())
        step = self._steps[axis]
        low, high = int(voxels[axis].min()) // step, int(voxels[axis].max()) // step
        tissue = np.take(self._tissue, range(low, high + 1), axis)
        if not self._is_known or not tissue.any():
            return float("nan")
        places = np.indices(tissue.shape).reshape(3, -1)
        places[axis] += low
        x, tissue = self.x_of(places * np.array(self._steps)[:, None]), tissue.ravel()
        edge = EDGE * np.ptp(x)
        ends = tissue[x <= x.min() + edge].mean(), tissue[x >= x.max() - edge].mean()
        return float(x[tissue].mean()) if max(ends) <= MAX_EDGE_SHARE else float("nan")

    def air_share(self, label_map: np.ndarray, value: int, voxels: np.ndarray) -> float:
        """The share of a label that lies in air around the body; NaN where that is not known.

        Some of the slices in which its voxels (3, m) lie are looked at.
        """
        if not self._is_known:
            return float("nan")
        slices = np.unique(voxels[0])
        few = slices[np.linspace(0, len(slices) - 1, min(len(slices), MAX_SLICES)).astype(int)]
        masks = [(int(one), label_map[one] == value) for one in few]
        inside_air = sum(int((self._air_around(one) & mask).sum()) for one, mask in masks)
        return inside_air / sum(int(mask.sum()) for _, mask in masks)

    def _air_around(self, index: int) -> np.ndarray:
        """Air of a slice that reaches to its border, boolean (rows, columns)."""
        from scipy import ndimage

        if index not in self._around:
            regions, _ = ndimage.label(self._volume.array[index] <= BODY_HU)
            border = [regions[0], regions[-1], regions[:, 0], regions[:, -1]]
            outside = np.unique(np.concatenate(border))
            self._around[index] = np.isin(regions, outside[outside > 0])
        return self._around[index]


def steps_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The steps along each axis by which at most `MAX_SAMPLES` voxels are looked at."""
    return tuple(max(1, -(-size // MAX_SAMPLES)) for size in shape)
