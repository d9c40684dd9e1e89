"""Which patient direction does an axis point to? Pure numpy; frame and letters as in `helpers`."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LETTER_TOLERANCE = 0.1  # a direction cosine of at most this size has no letter
MIN_PLANE_COSINE = 0.8  # of the normal along an axis; a plane below it is called oblique
COSINE_TOLERANCE = 1e-4  # deviation from unit length and right angle that is not reported
MAX_COSINE_ERROR = 0.1  # with a larger deviation the cosines describe no plane at all

PLANE_OF_NORMAL = ("sagittal", "coronal", "axial")  # whose normal is x, y, z
DIRECTION_LETTERS = {  # C.7.6.1.1.1: of the negative and the positive end of each LPS axis
    "BIPED": (("R", "L"), ("A", "P"), ("F", "H")),
    "QUADRUPED": (("RT", "LE"), ("V", "D"), ("CD", "CR")),
}
# further words that Patient Orientation (0020,0020) has for a quadruped
LIMB_OPPOSITES = {"R": "CD", "M": "L", "L": "M", "PR": "DI", "DI": "PR", "PA": "D", "PL": "D"}


class EdgeLetters(NamedTuple):
    """The patient direction that each edge of a picture points to; ``?`` where unknown."""

    left: str
    right: str
    top: str
    bottom: str


def edge_letters(
    image_orientation: ArrayLike | None = None,
    *,
    patient_orientation: Sequence[str] | None = None,
    anatomical_orientation: str = "BIPED",
) -> EdgeLetters:
    """Letters for the four edges of an image as it is stored.

    Parameters
    ----------
    image_orientation : (6,) floats or None
        Image Orientation (Patient): direction cosines of the row, then of the column.
    patient_orientation : (2,) str or None
        Patient Orientation (0020,0020), used only where the cosines are missing.
    anatomical_orientation : {"BIPED", "QUADRUPED"}
        Anything else means "BIPED", as a missing element does.

    References
    ----------
    PS3.3 C.7.6.2.1.1 and C.7.6.1.1.1. Patient Position (0018,5100) plays no part in it.

    Examples
    --------
    The row runs to the patient's Left, so **R is on the left** of the picture:

    >>> edge_letters((1, 0, 0, 0, 1, 0))
    EdgeLetters(left='R', right='L', top='A', bottom='P')
    >>> edge_letters(patient_orientation=("P", "F"))
    EdgeLetters(left='A', right='P', top='H', bottom='F')
    >>> edge_letters()
    EdgeLetters(left='?', right='?', top='?', bottom='?')
    """
    cosines = row_and_column(image_orientation)
    if cosines is None:
        return _edges_from_words(patient_orientation, anatomical_orientation)
    return letters_of_axes(*cosines, anatomical_orientation=anatomical_orientation)


def letters_of_axes(
    right: np.ndarray, down: np.ndarray, *, anatomical_orientation: str = "BIPED"
) -> EdgeLetters:
    """Letters of a picture whose axes to the right and down point to directions (3,), LPS."""
    ends = (-right, right, -down, down)
    return EdgeLetters(
        *(direction_letters(end, anatomical_orientation=anatomical_orientation) for end in ends)
    )


def direction_letters(direction: ArrayLike, *, anatomical_orientation: str = "BIPED") -> str:
    """Letters of the patient directions that a vector points to, the largest component first.

    Parameters
    ----------
    direction : (3,) floats, LPS; any length but zero

    Examples
    --------
    >>> direction_letters((0.99, 0.02, -0.05)), direction_letters((0.6, 0.05, -0.8))
    ('L', 'FL')
    """
    vector = np.asarray(direction, float)
    if not 0 < (length := np.linalg.norm(vector)) < np.inf:
        return "?"
    unit = vector / length
    ends = DIRECTION_LETTERS.get(anatomical_orientation, DIRECTION_LETTERS["BIPED"])
    falling = np.argsort(-np.abs(unit), kind="stable")
    return "".join(
        ends[axis][int(unit[axis] > 0)] for axis in falling if abs(unit[axis]) > LETTER_TOLERANCE
    )


def plane_name(image_orientation: ArrayLike | None) -> str:
    """``"axial"``, ``"coronal"``, ``"sagittal"`` or ``"oblique"``; ``"unknown"`` without cosines.

    Examples
    --------
    >>> plane_name((1, 0, 0, 0, 0, -1))
    'coronal'
    """
    normal = slice_normal(image_orientation)
    if np.isnan(normal).any():
        return "unknown"
    axis = int(np.argmax(np.abs(normal)))
    return PLANE_OF_NORMAL[axis] if abs(normal[axis]) > MIN_PLANE_COSINE else "oblique"


def tilt_deg(image_orientation: ArrayLike | None) -> float:
    """Angle in degrees between slice normal and nearest patient axis; NaN without cosines."""
    return float(np.degrees(np.arccos(min(np.abs(slice_normal(image_orientation)).max(), 1.0))))


def slice_normal(image_orientation: ArrayLike | None) -> np.ndarray:
    """Unit normal ``cross(row, column)`` as (3,) floats, LPS; NaN without usable cosines.

    Examples
    --------
    >>> slice_normal((1, 0, 0, 0, 1, 0)).tolist()
    [0.0, 0.0, 1.0]
    """
    cosines = row_and_column(image_orientation)
    if cosines is None:
        return np.full(3, np.nan)
    normal = np.cross(*cosines)
    return normal / np.linalg.norm(normal)


def row_and_column(image_orientation: ArrayLike | None) -> tuple[np.ndarray, np.ndarray] | None:
    """The two direction cosines as unit vectors (3,), (3,); None where they describe no plane."""
    try:
        values = np.asarray(image_orientation, float)
    except (TypeError, ValueError):
        return None
    if values.shape != (6,) or cosine_error(values) > MAX_COSINE_ERROR:
        return None
    row, column = values[:3], values[3:]
    return row / np.linalg.norm(row), column / np.linalg.norm(column)


def cosine_error(image_orientation: ArrayLike) -> np.ndarray:
    """How far six cosines (..., 6) are from two perpendicular unit vectors, as (...).

    Infinite where a cosine is not finite. Above `COSINE_TOLERANCE` a header is worth reporting
    (C.7.6.2.1.1).
    """
    values = np.asarray(image_orientation, float)
    row, column = values[..., :3], values[..., 3:]
    with np.errstate(invalid="ignore"):
        lengths = np.linalg.norm([row, column], axis=-1)
        error = np.maximum(np.abs(lengths - 1).max(axis=0), np.abs((row * column).sum(axis=-1)))
    return np.where(np.isfinite(error), error, np.inf)


def _edges_from_words(words: Sequence[str] | None, anatomical_orientation: str) -> EdgeLetters:
    if words is None or isinstance(words, str) or len(words) != 2:
        return EdgeLetters("?", "?", "?", "?")
    edges: list[str] = []
    for word in map(str, words):
        opposite = _opposite(word.strip(), anatomical_orientation)
        edges += [opposite, "?" if opposite == "?" else word.strip()]
    return EdgeLetters(*edges)


def _opposite(word: str, anatomical_orientation: str) -> str:
    """The opposite direction, part by part; ``?`` where a part is not the standard's."""
    pairs = DIRECTION_LETTERS.get(anatomical_orientation, DIRECTION_LETTERS["BIPED"])
    opposites = {one: other for pair in pairs for one, other in (pair, pair[::-1])}
    opposites |= LIMB_OPPOSITES if anatomical_orientation == "QUADRUPED" else {}
    parts = re.findall("|".join(sorted(opposites, key=len, reverse=True)), word)
    return "".join(opposites[part] for part in parts) if parts and "".join(parts) == word else "?"
