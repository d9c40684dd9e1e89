"""What a kernel sends of slices: greys at once, values after them."""

import json

import numpy as np
import pytest
from traitlets import TraitError

from helpers import Volume
from helpers.pixels.window import apply_window
from helpers.viewer.volume_browser import VolumeBrowser


def _volume(dtype=np.int16, **more):
    values = np.random.default_rng(0).integers(-1000, 1000, (9, 7, 6)).astype(dtype)
    return Volume(values, np.diag([2.0, 1, -1, 1])[[2, 1, 0, 3]], "HU", **more)


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


@pytest.mark.parametrize("how", ["max", "min", "mean"])
def test_a_slab_is_sent_as_the_volume_gives_it(monkeypatch, how):
    padding = np.zeros((9, 7, 6), bool)
    padding[3:5, :2] = True
    volume = _volume(padding=padding)
    viewer = VolumeBrowser(volume, window=(100, 400))
    asked = {"plane": "axial", "index": 4, "slab_mm": 6, "slab_how": how}
    message, (values, padded) = _answered(viewer, monkeypatch, type="slice", **asked)
    slab = volume.slab("axial", 4, thickness_mm=6, how=how)
    dtype = "<f4" if message["float"] else "<i2"
    got = np.frombuffer(values, dtype).reshape(slab.array.shape)
    kept = ~slab.padding
    assert np.allclose(got[kept], slab.array[kept], rtol=1e-6)
    assert np.array_equal(np.unpackbits(np.frombuffer(padded, np.uint8))[: got.size], ~kept.ravel())
    assert message["slab"] == f"{how} of 3 slices, 6 mm"
    message, (greys, _) = _answered(viewer, monkeypatch, type="greys", **asked)
    expected = 255 * apply_window(slab.array, viewer.window)
    shown = np.frombuffer(greys, np.uint8).reshape(slab.array.shape)
    assert np.abs(shown - expected)[kept].max() <= 0.51
    assert message["slab"] == f"{how} of 3 slices, 6 mm"


def test_a_slab_stays_in_what_is_kept(tmp_path):
    viewer = VolumeBrowser(_volume())
    viewer.slab_mm, viewer.slab_how = 6, "mean"
    viewer.save_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '"slab_mm": 6.0, "slab_how": "mean"' in text
    whole = viewer._snapshot()
    viewer.slab_mm = 0
    assert viewer._snapshot() != whole
    for name, wrong in (("slab_mm", -1), ("slab_how", "sum")):
        with pytest.raises(TraitError):
            setattr(viewer, name, wrong)
