"""Planes and slices of a viewer: a change of plane keeps the slice, in Python and in a page."""

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from helpers import Volume
from helpers.geometry.planes import PLANES
from helpers.viewer.viewer_data import nearest_slice, picture_affine, volume_data, volume_windows
from helpers.viewer.volume_browser import VolumeBrowser

WALK = Path(__file__).with_name("viewer") / "walk.mjs"
SIZES = [(5, 6, 7), (6, 7, 8), (7, 8, 5), (8, 5, 6)]  # even and odd along each axis
TILT = np.radians(17)
TURNED = np.linalg.qr(np.array([[0.9, -0.3, 0.2], [0.3, 0.9, 0.1], [-0.2, 0.1, 0.95]]))[0]


def _affine(kind):
    """(slice, row, column, 1) to LPS mm: of a volume that lies straight, upside down, or not."""
    affine = np.diag([2.5, 0.7, 0.9, 1.0])[[2, 1, 0, 3]]
    affine[:3, 3] = -100.3, 51.7, -723.1
    if kind == "feet last":
        affine[:3, 0] *= -1
    elif kind == "gantry tilt":
        affine[1, 0] = 2.5 * np.tan(TILT)
    elif kind == "oblique":
        affine[:3, :3] = TURNED @ affine[:3, :3]
    elif kind == "sagittal":
        affine[:3, :3] = affine[[2, 0, 1], :3]
    return affine


KINDS = ("straight", "feet last", "gantry tilt", "oblique", "sagittal")


def _volume(kind, size):
    array = np.arange(np.prod(size), dtype=np.int16).reshape(size)
    return Volume(array, _affine(kind), "HU")


def _walk(volume):
    """Every slice of every plane, and from each to both other planes and back."""
    for plane in PLANES:
        others = [other for other in PLANES if other != plane]
        for index, there in itertools.product(range(volume.shape_of(plane)[0]), others):
            yield from (("plane", plane), ("index", index), ("plane", there), ("plane", plane))


def _in_python(volume, walk):
    viewer, indices = VolumeBrowser(volume), []
    for what, value in walk:
        setattr(viewer, what, value)
        indices.append(viewer.index)
    viewer.close()
    return indices


@pytest.mark.skipif(
    shutil.which("node") is None and not os.environ.get("CI"), reason="node walks as a page does"
)
def test_a_change_of_plane_keeps_the_slice_there_and_back():
    asked, expected = [], []
    for kind, size in itertools.product(KINDS, SIZES):
        volume, walk = _volume(kind, size), list(_walk(_volume(kind, size)))
        expected.append(_in_python(volume, walk))
        for step, (what, value) in enumerate(walk):
            if what == "index":
                came = expected[-1][step + 2]
                assert came == value, f"{kind} {size}: {walk[step - 1][1]} {value}, got {came}"
        state = {"plane": volume.acquired_plane, "position_mm": volume.middle.tolist(), "index": 0}
        meta = volume_data(volume, volume_windows(volume))
        asked.append({"meta": meta, "state": state, "walk": walk})
    run = subprocess.run(
        ["node", str(WALK)], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == expected, "a page goes where Python goes"


@pytest.mark.parametrize("kind", KINDS)
def test_a_point_between_two_slices_belongs_to_the_one_above_whatever_its_last_digits(kind):
    volume = _volume(kind, (6, 7, 8))
    for plane in PLANES:
        affine = picture_affine(volume, plane)
        for index in range(volume.shape_of(plane)[0] - 1):
            for noise in (-1e-9, 0, 1e-9):
                point = (affine @ [index + 0.5 + noise, 2, 2, 1])[:3]
                assert nearest_slice(volume, plane, point) == index + 1


def test_a_viewer_opens_on_the_slice_that_its_position_says():
    for kind, size in itertools.product(KINDS, SIZES):
        viewer = VolumeBrowser(_volume(kind, size))
        assert viewer.index == viewer.volume.shape_of(viewer.plane)[0] // 2
        viewer.close()
