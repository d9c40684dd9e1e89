"""What is where in a chest? Hounsfield units as a function of the point in the patient (LPS mm).

Heart, stomach bubble and spleen are on the left, the liver on the right below, the spine behind,
the sternum in front, the couch under the back; the right lung is the larger one.
"""

import numpy as np

AIR_HU = -1000
SMALLEST_VESSEL_MM = 1.4  # radius from which a branch of the lungs does not fork any more
LARGE_VESSEL_MM = 3.4  # radius above which it forks into three
TUBES = np.array(  # of the mediastinum: start, end (LPS mm), radius (mm), Hounsfield units
    [
        (20, 52, -190, 20, 50, 50, 12, 48),  # descending aorta, left of the spine
        (20, 50, 50, -12, -14, 62, 13, 48),  # its arch
        (-18, -22, 30, -20, -24, 120, 9, 46),  # superior vena cava
        (-4, 8, 30, -2, 2, 210, 9, AIR_HU),  # trachea
        (-4, 8, 32, -46, 14, -4, 7, AIR_HU),  # bronchi
        (-4, 8, 32, 44, 18, 2, 6, AIR_HU),
        (6, 30, -120, 2, 26, 190, 6, 35),  # oesophagus
    ],
    np.float32,
)


def chest(points: np.ndarray, *, couch_side: int = 1) -> np.ndarray:
    """Hounsfield units of the phantom's anatomy, float32 of shape ``(...)``.

    Parameters
    ----------
    points : (..., 3) floats, LPS mm; the origin lies in the middle of the chest
    couch_side : 1 where the couch is behind the patient (supine), -1 where in front (prone)
    """
    x, y, z = np.moveaxis(np.asarray(points, np.float32), -1, 0)
    hu = np.full(x.shape, AIR_HU, np.float32)
    _put_couch(hu, x, y * couch_side)
    body = _put_trunk(hu, x, y, z)
    _put_lungs(hu, x, y, z)
    _put_belly(hu, x, y, z, body)
    _put_mediastinum(hu, x, y, z)
    _put_bones(hu, x, y, z)
    return hu


def _put_couch(hu, x, y):
    top = 122 - 18 * (1 - (x / 210) ** 2) + 18
    board = (np.abs(x) < 205) & (y > top) & (y < top + 14)
    hu[board] = -820
    hu[board & ((y < top + 3) | (y > top + 11))] = -120


def _put_trunk(hu, x, y, z):
    """Skin, fat, muscle; returns where the trunk is."""
    narrow = np.clip((z - 95) / 60, 0, 1)
    rx, ry = 168 - 70 * narrow**2, 116 - 18 * narrow**2
    depth = np.sqrt((x / rx) ** 2 + (y / ry) ** 2)
    hu[depth < 1] = 20
    hu[depth < 0.985] = -95
    hu[depth < 0.93] = 50
    return depth < 0.93


def _put_lungs(hu, x, y, z):
    right = _ellipsoid(x, y, z, (-78, 4, 8), (62, 86, 130))
    left = _ellipsoid(x, y, z, (80, 8, 12), (54, 82, 122))
    lung = right | left
    x, y, z = x[lung], y[lung], z[lung]
    # lower and rear, as in the disease
    fibrosis = np.clip((20 - z) / 90, 0, 1) * np.clip((y - 5) / 50, 0, 1)
    net = np.abs(np.sin(x / 4.1) * np.sin(y / 3.7 + np.sin(x / 9)) * np.sin(z / 6.1 + 1))
    inside = -860 + 0.35 * y + 450 * fibrosis * (net > 0.45)
    _put_tubes(inside, x, y, z, VESSELS)
    hu[lung] = inside


def _put_belly(hu, x, y, z, body):
    hu[_ellipsoid(x, y, z, (98, 48, -118), (38, 40, 48)) & body] = 52  # spleen
    hu[_ellipsoid(x, y, z, (66, -24, -112), (54, 60, 50)) & body] = 18  # stomach
    hu[_ellipsoid(x, y, z, (68, -42, -98), (30, 26, 26))] = -960  # its bubble of air
    hu[_ellipsoid(x, y, z, (-62, -6, -122), (104, 94, 78)) & body] = 62  # liver
    hu[(z < -150) & body & (hu < 0)] = -90


def _put_mediastinum(hu, x, y, z):
    hu[_ellipsoid(x, y, z, (4, 6, 40), (30, 66, 120))] = -60
    hu[_ellipsoid(x, y, z, (34, -38, -34), (58, 48, 50))] = 45  # heart: mostly on the left
    hu[_ellipsoid(x, y, z, (6, -24, 26), (24, 26, 30))] = 48  # great vessels
    _put_tubes(hu, x, y, z, TUBES)


def _put_bones(hu, x, y, z):
    ring = np.sqrt((x / 150) ** 2 + (y / 98) ** 2)
    slanted = (z - 0.28 * y + 300) % 30  # ribs fall towards the front
    ribs = (ring > 0.93) & (ring < 1.0) & (slanted < 11) & (np.abs(z) < 140) & (np.abs(x) > 26)
    hu[ribs] = 380
    hu[(np.abs(x) < 19) & (np.abs(y + 92) < 6) & (z > -70) & (z < 95)] = 260  # sternum, in front
    disc = (z + 300) % 27 < 6
    body = _ellipse(x, y - 76, 23, 17)
    hu[body] = np.where(disc, 90, 240)[body]
    hu[body & ~_ellipse(x, y - 76, 20, 14) & ~disc] = 480
    hu[_ellipse(x, y - 98, 17, 12)] = 420
    hu[_ellipse(x, y - 97, 10, 8)] = 28  # spinal canal
    hu[(np.abs(x) < 4) & (y > 104) & (y < 110) & (slanted < 18)] = 400


def _ellipse(a, b, ra, rb):
    return (a / ra) ** 2 + (b / rb) ** 2 < 1


def _ellipsoid(x, y, z, center, radii):
    return sum(((a - c) / r) ** 2 for a, c, r in zip((x, y, z), center, radii)) < 1


def _put_tubes(hu, x, y, z, tubes):
    """Fills tubes (n, 8) of start, end, radius and value; those that lie elsewhere are skipped."""
    if not x.size:
        return
    low = np.minimum(tubes[:, :3], tubes[:, 3:6]) - tubes[:, 6:7]
    high = np.maximum(tubes[:, :3], tubes[:, 3:6]) + tubes[:, 6:7]
    first, last = np.transpose([(a.min(), a.max()) for a in (x, y, z)])
    for *ends, radius, value in tubes[((low <= last) & (high >= first)).all(axis=1)]:
        start, along = np.array(ends[:3]), np.subtract(ends[3:], ends[:3])
        t = sum((a - s) * d for a, s, d in zip((x, y, z), start, along)) / (along @ along)
        t = np.clip(t, 0, 1)
        beside = sum((a - s - t * d) ** 2 for a, s, d in zip((x, y, z), start, along))
        hu[beside < radius**2] = value


def _vessel_tubes():
    """The tubes (n, 8) of the vessels of both lungs, from the hila outwards."""
    rng = np.random.default_rng(7)
    branches = []

    def grow(start, direction, length, radius):
        end = start + direction * length
        branches.append((*start, *end, radius, 30))
        if radius > SMALLEST_VESSEL_MM:
            for _ in range(3 if radius > LARGE_VESSEL_MM else 2):
                bent = direction + rng.normal(0, 0.6, 3)
                grow(end, bent / np.linalg.norm(bent), length * 0.8, radius * 0.68)

    for side in (-1, 1):
        for direction in ((side, 0, 0.9), (side, 0.5, -1), (side, -0.5, -0.2)):
            unit = np.array(direction) / np.linalg.norm(direction)
            grow(np.array([36 * side, 12, 4]), unit, 34, 5.5)
    return np.array(branches, np.float32)


VESSELS = _vessel_tubes()
