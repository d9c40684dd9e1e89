"""Which view is asked for, and which do the values themselves suggest? Pure numpy."""

import math

import numpy as np

from helpers.pixels.window import WINDOWS, VoiLut, Window, WindowError, as_window

SAMPLE = 1_000_000  # values that a share of them is estimated from
FEW, FEW_TESTED = 16, 10_000  # different values; how many values are looked at to tell
BODY_SHARE = 0.98  # of the body's values that its window keeps
DARK = 0.15  # share of the values' range, from its low end, in which the air around lies
AIR_SPREAD = 4  # deviations above its middle up to which values are those of the air around
LEAST_BODY = 0.01  # share of the values; less is no body
STEPS = 100  # of the equal-frequency curve


def resolve_window(wanted, own, array, padding=None):
    """(name, Window or VoiLut) of a view that is asked for.

    Parameters
    ----------
    wanted : None for the default (the first of `own`; "body" where there is none), a name of `own`, `WINDOWS` or
        `COMPUTED` (taken from the values), a Window, a VoiLut, or (center, width)
    own : dict of name → Window or VoiLut
    array, padding : the values that a computed view is taken from

    Raises
    ------
    WindowError
    """
    known = {**WINDOWS, **own}
    if wanted is None:
        wanted = next(iter(own), "body")
    if not isinstance(wanted, str):
        view = as_window(wanted)
        return next((name for name, one in known.items() if one is view), "chosen"), view
    if wanted in known:
        return wanted, known[wanted]
    if wanted not in COMPUTED:
        raise WindowError(f"expected a window of {', '.join([*COMPUTED, *known])}, got {wanted!r}")
    return wanted, COMPUTED[wanted](array, padding=padding)


def value_range(array, *, padding=None, share=1.0):
    """The `Window` (LINEAR_EXACT) from the lowest to the highest value, padding left out.

    Parameters
    ----------
    share : part of the values that the window keeps, the rarest at both ends cut off; below 1 it is
        taken from about a million evenly chosen values
    """
    values = _known(array, padding) if share == 1 else sampled(array, padding)
    return _spanning(values, share, f"{share:.0%} of the values shown")


def body_range(array, *, padding=None):
    """The `Window` (LINEAR_EXACT) that keeps 98 % of the body's values; padding and the air around it left out.

    Air is what the rim of the images shows, where that is dark and alike; an image whose rim shows a part of
    the body is taken whole, and so are images of a few different values, such as labels. Estimated from about a
    million evenly chosen values.

    Parameters
    ----------
    array : (..., rows, columns)
    """
    values = sampled(array, padding)
    if np.unique(values[:: 1 + values.size // FEW_TESTED]).size <= FEW:
        return _spanning(_known(array, padding), 1.0, "all of a few different values")
    body = values[values > _air(np.asarray(array), padding, values)]
    body = body if body.size > LEAST_BODY * values.size else values
    return _spanning(
        body, BODY_SHARE, "98 % of the values of the body, air around it and padding left out"
    )


def equal_frequency(array, *, padding=None):
    """The `VoiLut` on which every grey is equally frequent, padding left out; that of fastai's ``hist_scaled``."""
    values = np.sort(sampled(array, padding))
    if not values.size:
        return VoiLut(np.zeros(1), np.zeros(1), "no values")
    shares = np.r_[0.001, np.arange(STEPS) / STEPS + 1 / (2 * STEPS), 0.999]
    breaks = np.unique(values[(values.size * shares).astype(int)])
    return VoiLut(breaks, np.linspace(0, 1, len(breaks)), "each grey equally frequent")


COMPUTED = {  # views taken from the values themselves, by name
    "body": body_range,
    "most values": lambda array, padding=None: value_range(array, padding=padding, share=0.99),
    "whole range": value_range,
    "equal frequency": equal_frequency,
}


def sampled(array, padding=None):
    """About a million evenly chosen values as one flat array, without padding and what is no number."""
    array = np.asarray(array)
    step = max(1, array.size // SAMPLE)
    while (
        math.gcd(step, math.prod(array.shape[-2:])) > 1
    ):  # else it would meet the same columns again and again
        step += 1
    return _known(array, padding, step)


def _known(array, padding, step=1):
    """Every so many-th value as one flat array, without padding and what is no number."""
    values = np.asarray(array).reshape(-1)[::step]
    if padding is None and values.dtype.kind in "iub":
        return values
    kept = (
        np.isfinite(values)
        if padding is None
        else np.isfinite(values) & ~np.asarray(padding).reshape(-1)[::step]
    )
    return values[kept]


def _spanning(values, share, source):
    if not values.size:
        return Window(0.0, 1.0, "no values", "LINEAR_EXACT")
    ends = (
        np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
        if share < 1
        else (values.min(), values.max())
    )
    low, high = map(float, ends)
    if high - low > 100:  # whole numbers are easier to read, and as good
        low, high = float(np.floor(low)), float(np.ceil(high))
    return Window((low + high) / 2, high - low or 1.0, source, "LINEAR_EXACT")


def _air(array, padding, values):
    """The highest value of the air around the body; below all values where the rim shows no air."""
    if array.ndim < 2:
        return -np.inf
    edges = [np.s_[..., 0, :], np.s_[..., -1, :], np.s_[..., :, 0], np.s_[..., :, -1]]
    rim = np.concatenate(
        [_known(array[edge], None if padding is None else padding[edge]) for edge in edges]
    )
    if not rim.size:
        return -np.inf
    low, middle = np.quantile(rim, [0.25, 0.5])
    deviation = (
        middle - low
    ) / 0.6745  # of a normal distribution; above its middle the rim may show the body
    lowest, highest = np.quantile(values, [0.01, 0.99])
    return (
        middle + AIR_SPREAD * deviation if middle - lowest < DARK * (highest - lowest) else -np.inf
    )
