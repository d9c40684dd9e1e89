"""Letters against anatomy, against independent libraries, and at the edges of what headers say."""

from itertools import permutations, product

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from helpers import edge_letters, plane_name, slice_normal
from helpers.geometry.orientation import cosine_error, direction_letters, tilt_deg
from helpers.phantom.anatomy import chest

AXES = [tuple(sign * np.eye(3)[axis]) for axis in range(3) for sign in (1, -1)]
PAIRS = [(row, column) for row, column in product(AXES, AXES) if not np.dot(row, column)]
TO_RAS = np.diag([-1, -1, 1, 1])
NIBABEL_LETTERS = {"R": "R", "L": "L", "A": "A", "P": "P", "S": "H", "I": "F"}
OPPOSITE = dict(zip("RLAPHF", "LRPAFH"))
STEP = 8.0
COUCH_HU, LIVER_HU = -820, 62


def test_there_are_24_pairs():
    assert len(PAIRS) == 24


@pytest.mark.parametrize(("row", "column"), PAIRS)
def test_letters_agree_with_the_anatomy_in_the_picture(row, column):
    """Finds liver and couch in a picture of the phantom by their density: near which edge?"""
    row, column = np.array(row), np.array(column)
    ticks = (np.arange(48) - 23.5) * STEP
    points = (
        ticks[:, None, None, None] * np.cross(row, column)
        + ticks[:, None, None] * column
        + ticks[:, None] * row
    )
    picture = chest(points)
    body = _middle(picture > -200)
    towards = {"R": _middle(picture == LIVER_HU) - body, "P": _middle(picture == COUCH_HU) - body}
    towards["F"] = towards["R"]  # the liver lies on the right and below
    letters = edge_letters((*row, *column))
    for edge, sign, axis in (("right", 1, 2), ("left", -1, 2), ("bottom", 1, 1), ("top", -1, 1)):
        letter = getattr(letters, edge)
        landmark = letter if letter in towards else OPPOSITE[letter]
        offset = towards[landmark][axis] * sign
        assert (offset > 0) == (letter == landmark), f"{edge} is {letter}"
        assert abs(offset) > 2, "a landmark in the middle proves nothing"


@pytest.mark.parametrize(("row", "column"), PAIRS)
def test_letters_agree_with_nibabel(row, column):
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([np.cross(row, column), column, row])
    _, down, right = nibabel.aff2axcodes(TO_RAS @ affine)
    letters = edge_letters((*row, *column))
    assert (letters.right, letters.bottom) == (NIBABEL_LETTERS[right], NIBABEL_LETTERS[down])
    assert (letters.left, letters.top) == (OPPOSITE[letters.right], OPPOSITE[letters.bottom])


def test_all_48_axis_orders_agree_with_nibabel():
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        affine = np.eye(4)
        affine[:3, :3] = np.eye(3)[:, order] * signs
        expected = tuple(NIBABEL_LETTERS[code] for code in nibabel.aff2axcodes(TO_RAS @ affine))
        assert tuple(direction_letters(affine[:3, axis]) for axis in range(3)) == expected


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


@given(directions, directions)
def test_leading_letters_agree_with_simpleitk_on_any_orientation(one, other):
    row = np.array(one) / np.linalg.norm(one)
    column = np.cross(np.cross(row, other), row)
    if np.linalg.norm(column) < 0.1:
        return
    column /= np.linalg.norm(column)
    matrix = np.column_stack([row, column, np.cross(row, column)])
    itk = SimpleITK.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(
        matrix.ravel().tolist()
    )
    ambiguous = any(np.diff(np.sort(np.abs(v)))[-1] < 0.05 for v in matrix.T)
    letters = edge_letters((*row, *column))
    leading = letters.right[0] + letters.bottom[0] + direction_letters(matrix[:, 2])[0]
    distinct = len({frozenset((letter, OPPOSITE[letter])) for letter in leading}) == 3
    if distinct and not ambiguous:
        assert leading == itk.replace("S", "H").replace("I", "F")
    assert [OPPOSITE[letter] for letter in letters.right] == list(letters.left)


@given(directions)
def test_the_largest_component_comes_first_and_small_ones_are_not_written(direction):
    letters = direction_letters(direction)
    unit = np.abs(direction) / np.linalg.norm(direction)
    sizes = [unit["RLAPFH".index(letter) // 2] for letter in letters]
    assert sizes == sorted(sizes, reverse=True)
    assert len(letters) == (unit > 0.1).sum()


def test_cosines_are_never_cut_to_integers():
    tilted = (0.9998, 0.0175, 0, -0.0175, 0.9998, 0)
    assert edge_letters(tilted) == ("R", "L", "A", "P")
    assert plane_name(tilted) == "axial"


def test_compound_letters_on_an_oblique_plane():
    angle = np.radians(30)
    letters = edge_letters((1, 0, 0, 0, np.cos(angle), -np.sin(angle)))
    assert letters == ("R", "L", "AH", "PF")


@pytest.mark.parametrize(
    ("orientation", "plane", "tilt"),
    [
        ((1, 0, 0, 0, 1, 0), "axial", 0),
        ((1, 0, 0, 0, 0, -1), "coronal", 0),
        ((0, 1, 0, 0, 0, -1), "sagittal", 0),
        ((1, 0, 0, 0, np.cos(0.3), np.sin(0.3)), "axial", np.degrees(0.3)),
        ((1, 0, 0, 0, np.sqrt(0.5), np.sqrt(0.5)), "oblique", 45),
    ],
)
def test_planes_and_their_tilt(orientation, plane, tilt):
    assert plane_name(orientation) == plane
    assert tilt_deg(orientation) == pytest.approx(tilt, abs=1e-6)


@pytest.mark.parametrize(
    "useless",
    [None, (), (1, 0, 0), (0,) * 6, (1, 0, 0, 1, 0, 0), (np.nan,) * 6, ("a",) * 6, "text"],
)
def test_without_usable_cosines_nothing_is_claimed(useless):
    assert edge_letters(useless) == ("?",) * 4
    assert plane_name(useless) == "unknown"
    assert np.isnan(slice_normal(useless)).all()
    assert np.isnan(tilt_deg(useless))


@pytest.mark.parametrize(
    ("words", "kind", "expected"),
    [
        (("L", "P"), "BIPED", ("R", "L", "A", "P")),
        (("A", "F"), "BIPED", ("P", "A", "H", "F")),
        (("LA", "PF"), "BIPED", ("RP", "LA", "AH", "PF")),
        (("LE", "V"), "QUADRUPED", ("RT", "LE", "D", "V")),
        (("CD", "D"), "QUADRUPED", ("CR", "CD", "V", "D")),
        (("R", "PA"), "QUADRUPED", ("CD", "R", "D", "PA")),
        (("X", "P"), "BIPED", ("?", "?", "A", "P")),
        ("AR", "BIPED", ("?",) * 4),
        (("L",), "BIPED", ("?",) * 4),
        (None, "BIPED", ("?",) * 4),
    ],
)
def test_patient_orientation_stands_in_for_missing_cosines(words, kind, expected):
    assert edge_letters(patient_orientation=words, anatomical_orientation=kind) == expected


def test_cosines_win_over_patient_orientation():
    assert edge_letters((1, 0, 0, 0, 1, 0), patient_orientation=("R", "A")).right == "L"


def test_quadrupeds_have_their_own_letters():
    assert edge_letters((1, 0, 0, 0, 1, 0), anatomical_orientation="QUADRUPED") == (
        "RT",
        "LE",
        "V",
        "D",
    )


def test_how_far_cosines_are_off():
    assert cosine_error((1, 0, 0, 0, 1, 0)) == 0
    assert cosine_error((1, 0, 0, 0.01, 1, 0)) == pytest.approx(0.01)
    assert cosine_error((1, 0, 0, 0, np.inf, 0)) == np.inf


def _middle(mask):
    return np.argwhere(mask).mean(axis=0)
