"""What a kernel sends of slices: greys at once, values after them."""

import json

import numpy as np
import pytest

from helpers import Volume
from helpers.pixels.window import apply_window
from helpers.viewer.volume_browser import VolumeBrowser


def _volume(dtype=np.int16, **more):
    values = np.random.default_rng(0).integers(-1000, 1000, (9, 7, 6)).astype(dtype)
    return Volume(values, np.diag([-1.0, 1, 2, 1])[[2, 1, 0, 3]], "HU", **more)


def _answered(viewer, monkeypatch, **content):
    """(message, buffers) that a viewer sends to a message."""
    sent = []
    monkeypatch.setattr(
        viewer, "send", lambda content, buffers=None: sent.append((content, buffers))
    )
    viewer._answer(viewer, content, [])
    ((message, buffers),) = sent
    json.dumps(message)
    return message, buffers


@pytest.mark.parametrize("window", [(100, 400), "equal frequency", (0, 1)])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("inverted", [False, True])
def test_what_is_waited_for_comes_as_it_is_seen(monkeypatch, window, dtype, inverted):
    padding = np.zeros((9, 7, 6), bool)
    padding[:, :2] = True
    volume = _volume(dtype, padding=padding, inverted=inverted)
    viewer = VolumeBrowser(volume, window=window)
    message, (greys, padded) = _answered(
        viewer, monkeypatch, type="greys", plane="coronal", index=3
    )
    picture = volume.slice("coronal", 3)
    expected = 255 * apply_window(picture.array, viewer.window)
    got = np.frombuffer(greys, np.uint8).reshape(picture.array.shape)
    assert np.abs(got - (255 - expected if inverted else expected)).max() <= 0.51
    bits = np.unpackbits(np.frombuffer(padded, np.uint8))[: got.size]
    assert np.array_equal(bits, picture.padding.ravel())
    assert message == {"type": "greys", "plane": "coronal", "index": 3, "voi": viewer.voi}


def test_greys_of_no_slice_say_so(monkeypatch):
    message, _ = _answered(
        VolumeBrowser(_volume()), monkeypatch, type="greys", plane="axial", index=99
    )
    assert message["type"] == "failed" and message["text"] == "there is no axial slice 100"
