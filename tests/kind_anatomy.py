"""What do other kinds of images show? Pictures and tissues that no mirror image looks like.

Volumes are functions of points in the patient (LPS mm), as `helpers.phantom.anatomy` is; other
images are arrays of shares of white, 0 to 1. Each has something on one side only, so that a
person sees whether a letter or a side is right.
"""

import numpy as np

from helpers.phantom.anatomy import chest

AIR, SCALP, BONE, GREY, WHITE, FLUID, LESION, MUSCLE, DISC = range(9)
SIGNALS = {  # of a brain or a spine, by tissue as above
    "T1": (0, 900, 60, 450, 600, 120, 250, 300, 350),
    "T2": (0, 500, 50, 450, 350, 1000, 900, 200, 700),
    "FLAIR": (0, 450, 50, 420, 350, 80, 950, 200, 300),
    "b0": (0, 100, 20, 400, 350, 1000, 600, 100, 100),
    "b1000": (0, 20, 10, 150, 160, 30, 500, 40, 20),
    "ADC": (0, 0, 0, 800, 750, 3000, 400, 0, 0),  # 1e-6 mm²/s
    "EPI": (0, 60, 20, 500, 430, 800, 450, 60, 60),
}


def head(points):
    """The tissue at points (..., 3) of a head: nose in front, a lesion on the left."""
    x, y, z = np.moveaxis(np.asarray(points, float), -1, 0)
    tissue = np.full(x.shape, AIR)
    tissue[
        _ball(x, y, z, (0, 0, 0), (76, 96, 88)) | _ball(x, y, z, (0, -98, -20), (12, 16, 16))
    ] = 1
    tissue[_ball(x, y, z, (0, 0, 0), (70, 90, 82))] = BONE
    tissue[_ball(x, y, z, (0, 0, 0), (66, 84, 76))] = FLUID
    folds = 3 * np.sin(x / 5) * np.sin(y / 6) * np.sin(z / 5)
    depth = np.sqrt((x / 63) ** 2 + (y / 81) ** 2 + (z / 73) ** 2) * 70 + folds
    tissue[depth < 70] = GREY
    tissue[depth < 60] = WHITE
    for side in (-1, 1):
        tissue[_ball(x, y, z, (14 * side, 0, 12), (7, 32, 12))] = FLUID
    tissue[_ball(x, y, z, (36, 20, 14), (13, 16, 13))] = LESION
    return tissue


def spine(points):
    """The tissue at points (..., 3) of a lumbar spine: the aorta on the left, fat behind."""
    x, y, z = np.moveaxis(np.asarray(points, float), -1, 0)
    y = y + 12 * np.cos(z / 60)  # lordosis
    tissue = np.full(x.shape, AIR)
    tissue[np.abs(y) < 110] = SCALP
    tissue[(np.abs(y) < 85) & (np.abs(x) < 140)] = MUSCLE
    column = (np.abs(x) < 22) & (np.abs(y - 5) < 17)
    tissue[column] = WHITE
    tissue[column & ((z + 300) % 35 < 9)] = DISC
    tissue[(np.abs(x) < 9) & (np.abs(y - 32) < 8)] = FLUID
    tissue[(np.abs(x) < 4) & (np.abs(y - 32) < 4) & (z > 20)] = GREY  # the cord ends at L1
    tissue[(x - 14) ** 2 + (y + 22) ** 2 < 81] = BONE  # flowing blood gives no signal
    return tissue


def uptake(points):
    """Share of the highest uptake of a tracer in a chest: a hot node in the right lung."""
    x, y, z = np.moveaxis(np.asarray(points, float), -1, 0)
    hu = chest(points)
    found = np.where(hu > -400, 0.06, 0.015)
    found[hu < -940] = 0
    found[_ball(x, y, z, (34, -38, -34), (40, 34, 34))] = 0.35
    found[_ball(x, y, z, (-62, -6, -122), (104, 94, 78)) & (hu > -400)] = 0.15
    found[_ball(x, y, z, (-80, 10, 40), (14, 14, 14))] = 1
    return found


def radiograph(rows, columns, *, lateral=False, coarse=96):
    """A chest (rows, columns), bright where it absorbs: from the front, or the side."""
    across, along = np.linspace(-190, 190, coarse), np.linspace(170, -170, coarse)
    depth = np.linspace(-130, 130, 32)
    u, v, w = np.meshgrid(across, along, depth)
    points = np.stack((w, u, v) if lateral else (u, w, v), -1)
    through = np.clip(chest(points / 0.95) + 1000, 0, None).sum(-1)
    return resized((through / through.max()) ** 1.6, rows, columns)


def breast(rows, columns, *, oblique=False):
    """A right breast (rows, columns), chest wall at the right edge; bright: nipple, mass, muscle.

    The mass lies above the middle: lateral where seen from above, superior where seen obliquely.
    """
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    depth = np.hypot((1 - x) / 0.8, (y - 0.5) / 0.42)
    strands = 0.08 * np.sin(40 * np.arctan2(y - 0.5, 1.05 - x)) * np.clip(depth, 0, 1)
    picture = np.where(depth < 1, 0.35 + 0.25 * (1 - depth) + strands, 0.02)
    picture[np.hypot((x - 0.2) / 0.02, (y - 0.5) / 0.03) < 1] = 0.8
    picture[np.hypot((x - 0.6) / 0.05, (y - 0.33) / 0.04) < 1] = 0.95
    if oblique:
        picture[(x > 0.62) & (y < 0.1 + 1.4 * (x - 0.62))] = 0.75
    return np.clip(picture, 0, 1)


def ultrasound(rows, columns, *, phase=0.0):
    """A sector (rows, columns): bright lines, a dark cyst on its right that moves."""
    y, x = np.mgrid[0:rows, 0:columns]
    down, side = (y - 0.05 * rows) / (0.9 * rows), (x - columns / 2) / (0.9 * rows)
    radius, angle = np.hypot(down, side), np.arctan2(side, down)
    speckle = np.random.default_rng(3).random((rows, columns))
    tissue = (0.25 + 0.3 * speckle) * (1.1 - 0.6 * radius)
    tissue += 0.4 * (np.abs(radius - 0.7 - 0.03 * np.sin(phase)) < 0.012)
    tissue[np.hypot(side - 0.2, down - 0.5 - 0.04 * np.sin(phase)) < 0.1] = 0.02
    return np.where(
        (np.abs(angle) < 0.7) & (radius > 0.08) & (radius < 1), np.clip(tissue, 0, 1), 0
    )


def in_colour(picture, *, phase=0.0):
    """A sector (rows, columns) as RGB (rows, columns, 3) in 8 bits, with a box of flow."""
    rows, columns = picture.shape
    colour = np.repeat(np.round(255 * picture).astype(np.uint8)[..., None], 3, -1)
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    beat = 0.5 + 0.5 * np.sin(phase)
    colour[np.hypot((x - 0.38) / 0.06, (y - 0.45) / 0.05) < 1] = (60 + 190 * beat, 20, 0)
    colour[np.hypot((x - 0.38) / 0.05, (y - 0.6) / 0.04) < 1] = (0, 40, 60 + 190 * beat)
    return colour


def vessels(rows, columns, *, filled):
    """A tree of vessels (rows, columns), dark where contrast is, filled from the top to a share."""
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    picture = 0.6 + 0.1 * np.sin(9 * x) * np.sin(7 * y)
    for bend, start, width in ((0.0, 0.0, 0.015), (0.25, 0.2, 0.01), (-0.12, 0.35, 0.008)):
        centre = 0.45 + bend * np.clip(y - start, 0, 1) * 2 + 0.03 * np.sin(14 * y)
        picture[(np.abs(x - centre) < width) & (y > start) & (y < filled)] = 0.1
    return picture


def planar_body(rows, columns, *, posterior=False):
    """Counts of a whole body (rows, columns), 0 to 1: a hot spot in the patient's right arm."""
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    body = np.hypot((x - 0.5) / 0.22, (y - 0.35) / 0.25) < 1
    body |= np.hypot((x - 0.5) / 0.09, (y - 0.07) / 0.05) < 1
    for side in (-1, 1):
        body |= (np.abs(x - 0.5 - 0.1 * side) < 0.07) & (y > 0.5) & (y < 0.95)
        body |= (np.abs(x - 0.5 - 0.3 * side) < 0.05) & (y > 0.17) & (y < 0.5)
    picture = 0.12 * body + 0.3 * (np.abs(x - 0.5) < 0.02) * (y > 0.1) * (y < 0.5)
    picture[np.hypot((x - 0.2) / 0.04, (y - 0.3) / 0.02) < 1] = 1
    return picture[:, ::-1] if posterior else picture


def kidneys(rows, columns, *, minute):
    """Counts of two kidneys seen from behind (rows, columns): the right one empties later."""
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    picture = np.full((rows, columns), 0.05)
    for centre, peak in ((0.33, 3), (0.67, 8)):  # from behind, the patient's left is on the left
        size = np.hypot((x - centre) / 0.09, (y - 0.45) / 0.16)
        picture += (size < 1) * minute / peak * np.exp(1 - minute / peak)
    return np.clip(picture, 0, 1)


def tissue_section(rows, columns):
    """A stained section (rows, columns, 3) in 8 bits: pink, purple cells, one dark fold."""
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    colour = np.full((rows, columns, 3), 242, np.uint8)
    inside = np.hypot((x - 0.45) / 0.38, (y - 0.5) / 0.4) + 0.05 * np.sin(11 * x + 7 * y) < 1
    colour[inside] = (230, 150, 190)
    colour[inside & (np.sin(x * 160) * np.sin(y * 140) > 0.6)] = (110, 60, 150)
    colour[inside & (np.abs(x - 0.3 - 0.1 * y) < 0.012)] = (80, 30, 110)
    return colour


def card(rows, columns):
    """A picture (rows, columns, 3) in 8 bits: a red corner at the top left, a ramp, a frame."""
    ramp = np.linspace(30, 220, columns).astype(np.uint8)
    colour = np.repeat(np.broadcast_to(ramp, (rows, columns))[..., None], 3, -1).copy()
    colour[: rows // 4, : columns // 4] = (220, 30, 30)
    colour[-2:], colour[:, -2:] = (255, 255, 0), (255, 255, 0)
    return colour


def resized(picture, rows, columns):
    """A picture (rows, columns), interpolated linearly to another size."""
    for axis, size in enumerate((rows, columns)):
        old = picture.shape[axis]
        at = np.linspace(0, old - 1, size)
        low = np.minimum(at.astype(int), old - 2)
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        picture = (1 - share) * picture.take(low, axis) + share * picture.take(low + 1, axis)
    return picture


def _ball(x, y, z, center, radii):
    return sum(((a - c) / r) ** 2 for a, c, r in zip((x, y, z), center, radii)) < 1
