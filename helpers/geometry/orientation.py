"""Which patient direction does an axis point to? Pure numpy; frame and letters as in `helpers`."""

import re
from typing import NamedTuple

import numpy as np

LETTER_TOLERANCE = 0.1  # a direction cosine below this earns no letter
NAMED_PLANE = 0.8  # the normal's largest cosine above which a plane is not called oblique
COSINE_TOLERANCE = 1e-4  # how far from unit length and right angle cosines may be unreported
USABLE_COSINES = 0.1  # beyond this they describe no plane at all

# C.7.6.1.1.1: for each LPS axis the letter of its negative and of its positive end
LETTERS = {
    "BIPED": (("R", "L"), ("A", "P"), ("F", "H")),
    "QUADRUPED": (("RT", "LE"), ("V", "D"), ("CD", "CR")),
}
# what Patient Orientation (0020,0020) may say of a quadruped beyond these, and its opposite
LIMB_WORDS = {"R": "CD", "M": "L", "L": "M", "PR": "DI", "DI": "PR", "PA": "D", "PL": "D"}
PLANES = ("sagittal", "coronal", "axial")  # the plane whose normal is x, y, z


class EdgeLetters(NamedTuple):
    """The patient direction that each edge of a picture points to; ``?`` where unknown."""

    left: str
    right: str
    top: str
    bottom: str


UNKNOWN = EdgeLetters("?", "?", "?", "?")


def edge_letters(
    image_orientation=None, *, patient_orientation=None, anatomical_orientation="BIPED"
):
    """Letters for the four edges of an image as it is stored.

    Parameters
    ----------
    image_orientation : (6,) floats or None
        Image Orientation (Patient): direction cosines of the row, then of the column.
    patient_orientation : (2,) str or None
        Patient Orientation (0020,0020), used only where the cosines are missing.
    anatomical_orientation : {"BIPED", "QUADRUPED"}

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
    kind = (
        anatomical_orientation if anatomical_orientation in LETTERS else "BIPED"
    )  # what it means where it is absent
    cosines = row_and_column(image_orientation)
    if cosines is not None:
        row, column = cosines
        edges = [
            direction_letters(v, anatomical_orientation=kind) for v in (-row, row, -column, column)
        ]
        return EdgeLetters(*edges)
    return _edges_from_words(patient_orientation, kind)


def direction_letters(direction, *, anatomical_orientation="BIPED"):
    """Letters of the patient directions that a vector points to, the strongest first.

    Parameters
    ----------
    direction : (3,) floats, LPS; any length but zero

    Examples
    --------
    >>> direction_letters((0.99, 0.02, -0.05)), direction_letters((0.6, 0.05, -0.8))
    ('L', 'FL')
    """
    unit = _unit(np.asarray(direction, float))
    if unit is None:
        return "?"
    falling = np.argsort(-np.abs(unit), kind="stable")
    ends = LETTERS.get(anatomical_orientation, LETTERS["BIPED"])
    return "".join(
        ends[axis][int(unit[axis] > 0)] for axis in falling if abs(unit[axis]) > LETTER_TOLERANCE
    )


def plane_name(image_orientation):
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
    return PLANES[axis] if abs(normal[axis]) > NAMED_PLANE else "oblique"


def tilt_deg(image_orientation):
    """Angle in degrees between the slice normal and the nearest patient axis; NaN without cosines."""
    return float(np.degrees(np.arccos(min(np.abs(slice_normal(image_orientation)).max(), 1.0))))


def slice_normal(image_orientation):
    """Unit normal ``cross(row, column)`` as (3,) floats, LPS; NaN where there are no usable cosines.

    Examples
    --------
    >>> slice_normal((1, 0, 0, 0, 1, 0)).tolist()
    [0.0, 0.0, 1.0]
    """
    cosines = row_and_column(image_orientation)
    return np.full(3, np.nan) if cosines is None else _unit(np.cross(*cosines))


def row_and_column(image_orientation):
    """The two direction cosines as unit vectors (3,), (3,), or None where they describe no plane."""
    try:
        values = np.asarray(image_orientation, float)
    except (TypeError, ValueError):
        return None
    if values.shape != (6,) or cosine_error(values) > USABLE_COSINES:
        return None
    return _unit(values[:3]), _unit(values[3:])


def cosine_error(image_orientation):
    """How far six cosines (..., 6) are from two perpendicular unit vectors, (...); infinite where one is not finite.

    Above `COSINE_TOLERANCE` a header is worth reporting (C.7.6.2.1.1).
    """
    values = np.asarray(image_orientation, float)
    row, column = values[..., :3], values[..., 3:]
    with np.errstate(invalid="ignore"):
        lengths = np.linalg.norm([row, column], axis=-1)
        error = np.maximum(np.abs(lengths - 1).max(axis=0), np.abs((row * column).sum(axis=-1)))
    return np.where(np.isfinite(error), error, np.inf)


def _unit(vector):
    length = np.linalg.norm(vector)
    return vector / length if np.isfinite(length) and length > 0 else None


def _edges_from_words(patient_orientation, kind):
    if (
        patient_orientation is None
        or isinstance(patient_orientation, str)
        or len(patient_orientation) != 2
    ):
        return UNKNOWN
    edges = []
    for word in map(str, patient_orientation):
        opposite = _opposite(word.strip(), kind)
        edges += [opposite, "?" if opposite == "?" else word.strip()]
    return EdgeLetters(*edges)


def _opposite(word, kind):
    """The opposite direction, part by part; ``?`` where a part is not the standard's."""
    opposites = {one: other for pair in LETTERS[kind] for one, other in (pair, pair[::-1])}
    opposites |= LIMB_WORDS if kind == "QUADRUPED" else {}
    parts = re.findall("|".join(sorted(opposites, key=len, reverse=True)), word)
    return "".join(opposites[part] for part in parts) if parts and "".join(parts) == word else "?"
