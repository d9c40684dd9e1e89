"""Volumes of one grid: which belong together, what memory they take, and how they are browsed."""

import json
import re
import threading
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from helpers import Volume, Window, header_table, load_volume, slice_table, stack_table
from helpers.errors import ClearError
from helpers.slices.words import NUMBERED
from helpers.viewer.standalone_html import standalone_html
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.viewer.volume_group import GroupError, VolumeGroup, group_of

AFFINE = np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
COUNT, ROWS, COLUMNS = 10, 40, 60
VOLUME_MB = COUNT * ROWS * COLUMNS * 2 / 1e6


def _volume(level, count=COUNT, **options):
    """A volume whose values rise from a level, by slice and by column."""
    slices, _, columns = np.ogrid[:count, :ROWS, :COLUMNS]
    array = np.broadcast_to(level + 10 * slices + columns, (count, ROWS, COLUMNS))
    return Volume(array.astype(np.int16), AFFINE, **options)


def _group(volumes, **options):
    labels = [f"echo {number + 1}" for number in range(len(volumes))]
    return VolumeGroup("Echo", labels, volumes.__getitem__, **options)


def _of(slices, patient):
    rows = slices[slices["PatientID"].str.startswith(patient, na=False)]
    return rows, stack_table(rows)


# which volumes


@pytest.mark.parametrize(
    ("patient", "name", "count", "remark"),
    [("P48", "Phase", 2, ""), ("P55", "Volume", 3, NUMBERED), ("P09", "Volume", 2, "")],
)
def test_a_stack_and_its_sisters_are_a_group(phantom_slices, patient, name, count, remark):
    slices, stacks = _of(phantom_slices, patient)
    for number, stack in enumerate(stacks.sort_index().index):
        group = group_of(slices, stacks, stack)
        assert (group.name, len(group), group.remark) == (name, count, remark)
        assert group.first == number and len({*group.labels}) == count
        expected = load_volume(slices.loc[stack])
        assert np.array_equal(group.volume(number).array, expected.array)


def test_a_stack_by_itself_is_no_group(phantom_slices):
    slices, stacks = _of(phantom_slices, "P02")
    assert group_of(slices, stacks, stacks.index[0]) is None


def test_diffusion_is_named_by_b_value_and_direction(real):
    slices = slice_table(header_table(real / "kinds/mr-enhanced-dwi", progress=False))
    stacks = stack_table(slices)
    group = group_of(slices, stacks, stacks.index[3])
    assert group.name == "b-value" and len(group) == 12 and not group.one_window
    assert group.labels[0].startswith("b = 0 s/mm²")
    assert all(label.startswith("b = 2500 s/mm², ") for label in group.labels[1:])
    b_values = slices["DiffusionBValue"].groupby(level="stack", sort=True).first()
    assert b_values.tolist() == [0] + [2500] * 11


def test_time_points_are_shown_through_one_window(real):
    slices = slice_table(header_table(real / "kinds/mr-fmri-ge", progress=False))
    stacks = stack_table(slices)
    group = group_of(slices, stacks, stacks.index[0])
    assert group.name == "Time" and group.one_window and not group.remark
    viewer = VolumeBrowser(group.volume(0), members=group)
    assert group.labels[6] == "time 7 of 10"
    first = viewer.window
    viewer.member = 7
    assert viewer.window == first, "so that greys can be compared"


def test_a_stack_with_a_gap_shows_its_longest_run_and_says_so(phantom_slices):
    slices, stacks = _of(phantom_slices, "P48")
    lost = slices.drop(slices.loc[stacks.index[1]].index[4][0], level="path")
    group = group_of(lost, stack_table(lost), stacks.index[0])
    volume = group.volume(1)
    assert len(volume.array) == 12 and "12 of 16 images" in volume.caption["remark"]
    assert len(group.volume(0).array) == 17


# memory


def test_memory_stays_within_its_limit():
    volumes, loaded = [_volume(100 * number) for number in range(8)], []

    def load(number):
        loaded.append(number)
        return volumes[number]

    group = VolumeGroup("Time", list("abcdefgh"), load, max_mb=3.5 * VOLUME_MB)
    for number in (0, 1, 2, 0, 3, 4):
        assert group.volume(number) is volumes[number]
    assert [number for number in range(8) if group.is_loaded(number)] == [0, 3, 4]
    assert loaded == [0, 1, 2, 3, 4], "the one that was looked at again stayed"
    small = VolumeGroup("Time", ["a", "b"], load, max_mb=0.001)
    assert small.volume(1) is volumes[1] and small.is_loaded(1), "one is always kept"


def test_a_volume_is_loaded_once_though_threads_ask_together():
    loaded, go_on = [], threading.Event()

    def load(number):
        loaded.append(number)
        go_on.wait(10)
        return _volume(0)

    group = VolumeGroup("Time", ["a"], load)
    threads = [threading.Thread(target=group.volume, args=(0,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert loaded == [0]


def test_what_a_group_does_not_have_is_refused():
    group = _group([_volume(0), _volume(1)])
    for number in (-1, 2):
        with pytest.raises(GroupError, match=f"expected a volume from 0 to 1, got {number}"):
            group.volume(number)
    with pytest.raises(GroupError, match="expected the labels of several volumes, got none"):
        VolumeGroup("Echo", [], lambda _: _volume(0))


# in the widget


def test_another_member_keeps_plane_position_and_window():
    volumes = [_volume(0), _volume(1000)]
    viewer = VolumeBrowser(volumes[0], members=_group(volumes))
    viewer.plane, viewer.index, viewer.window = "coronal", 7, (40, 400)
    seen = []
    viewer.observe(lambda change: seen.append(change.new), "member")
    viewer.member = 1
    assert seen == [1] and viewer.volume is volumes[1]
    assert (viewer.plane, viewer.index) == ("coronal", 7) and viewer.window == Window(40, 400)
    assert viewer.voi["name"] == "custom"


def test_a_window_goes_by_its_name_where_each_volume_has_its_own():
    own = [{"window 1": Window(50 + 1000 * one, 100)} for one in range(2)]
    volumes = [_volume(1000 * one, windows=own[one]) for one in range(2)] + [_volume(3000)]
    viewer = VolumeBrowser(volumes[0], members=_group(volumes))
    assert viewer.window == own[0]["window 1"]
    viewer.member = 1
    assert viewer.window == own[1]["window 1"] and viewer.voi["name"] == "window 1"
    viewer.window = "whole range"
    viewer.member = 0
    assert viewer.window[:2] == (_volume(0).array.max() / 2, _volume(0).array.max())
    viewer.window = "window 1"
    viewer.member = 2
    assert viewer.voi["name"] == "body", "the first of a volume without a window of its own"


def test_position_leads_where_a_member_has_lost_slices():
    volumes = [_volume(0), _volume(0, count=6)]
    viewer = VolumeBrowser(volumes[0], members=_group(volumes))
    viewer.index = 9
    viewer.member = 1
    assert viewer.index == 5 and viewer.position_mm[2] == 18, "the nearest slice that it has"
    viewer.member = 0
    assert viewer.index == 9


def test_a_member_as_the_browser_sets_it():
    """With its window and slice in one message, in any order."""
    volumes = [_volume(0, count=6), _volume(1000)]
    for first, last in (("member", "voi"), ("voi", "member")):
        viewer = VolumeBrowser(volumes[0], members=_group(volumes))
        about = VolumeBrowser(volumes[1]).meta
        state = {"member": 1, "voi": about["windows"][0], "index": 9, "position_mm": [30, 20, 18]}
        viewer.set_state({name: state[name] for name in (first, last, "index", "position_mm")})
        assert (viewer.member, viewer.index) == (1, 9) and viewer.voi == about["windows"][0]
        assert viewer.volume is volumes[1]


def _answers(viewer, monkeypatch, *requests):
    """What the kernel sends for requests, once all is loaded."""
    sent = []
    monkeypatch.setattr(
        viewer, "send", lambda content, buffers=None: sent.append((content, buffers))
    )
    for request in requests:
        viewer._answer(viewer, {"type": "slice", "plane": "axial", "index": 3, **request}, [])
    viewer._loader.shutdown(wait=True)
    return sent


def test_slices_of_other_members_are_sent_with_what_is_to_know_of_them(monkeypatch):
    volumes = [_volume(0), _volume(1000), _volume(70_000 - 40_000)]
    viewer = VolumeBrowser(volumes[0], members=_group(volumes, badge=lambda one: f"! {one}"))
    ask = [{"member": 1, "about": True}, {"member": 0}, {"member": 2}]
    sent = {content["member"]: (content, buffers) for content, buffers in _answers(
        viewer, monkeypatch, *ask
    )}  # fmt: skip
    assert viewer.member == 0, "what is loaded ahead is not shown"
    for number, (content, buffers) in sent.items():
        json.dumps(content)
        values = np.frombuffer(buffers[0], "<i2").reshape(ROWS, COLUMNS)
        assert np.array_equal(values, volumes[number].slice("axial", 3).array)
        assert ("about" in content) == (number == 1)
    about = sent[1][0]["about"]
    assert about["badge"] == "! 1" and about["windows"] == VolumeBrowser(volumes[1]).meta["windows"]


def test_a_member_that_cannot_be_loaded_is_a_line_and_the_others_go_on(monkeypatch):
    volumes = [_volume(0), None, _volume(2000)]

    def load(number):
        if volumes[number] is None:
            raise ClearError("expected a regular grid, got 1 gap")
        return volumes[number]

    group = VolumeGroup("Echo", ["TE 10 ms", "TE 20 ms", "TE 30 ms"], load)
    viewer = VolumeBrowser(volumes[0], members=group)
    with pytest.raises(GroupError, match="TE 20 ms: expected a regular grid, got 1 gap"):
        viewer.member = 1
    assert viewer.member == 0 and viewer.volume is volumes[0]
    (failed, _), (content, _) = _answers(viewer, monkeypatch, {"member": 1}, {"member": 2})
    assert failed["type"] == "failed" and failed["member"] == 1
    assert failed["text"] == "TE 20 ms: expected a regular grid, got 1 gap"
    assert content["type"] == "slice"
    viewer.member = 2
    page = standalone_html(volumes[0], members=group)
    assert _data(page)["group"]["members"][1] == {"failed": failed["text"]}


def test_a_viewer_of_one_volume_has_no_other():
    viewer = VolumeBrowser(_volume(0))
    assert viewer.member == 0 and viewer.meta["members"] is None
    with pytest.raises(ClearError, match="the only volume that is shown here, got 3"):
        viewer.member = 3


# without a kernel


def _data(page):
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', page.document, re.S)
    return json.loads(text)


def _levels(stored):
    """The lowest value of each picture of a volume, about."""
    low, step = stored["scale"]
    for picture in stored["pictures"]:
        with Image.open(BytesIO(b64decode(picture))) as image:
            yield low + step * np.asarray(image).min()


def test_a_page_holds_every_member_and_opens_at_the_one_that_is_shown(tmp_path):
    volumes = [_volume(1000 * number) for number in range(3)]
    viewer = VolumeBrowser(volumes[0], members=_group(volumes))
    viewer.member = 2
    note = viewer.save_html(tmp_path / "page.html")
    assert "volumes" not in note, "all are there"
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', text, re.S)
    data = json.loads(text)
    group = data["group"]
    assert data["state"]["member"] == 2 and group["members"][2] is None
    assert group["name"] == "Echo" and group["labels"] == ["echo 1", "echo 2", "echo 3"]
    for number, stored in enumerate(group["members"][:2]):
        assert "planes" not in stored["meta"], "they are those of the one that is shown"
        expected = 1000 * number + 10 * np.arange(COUNT)
        assert np.abs(np.array([*_levels(stored)]) - expected).max() < 12


def test_members_are_left_out_evenly_where_a_page_has_no_room():
    noise = np.random.default_rng(1).integers(0, 1000, (COUNT, ROWS, COLUMNS)).astype(np.int16)
    volumes = [replace(_volume(0), array=noise + number) for number in range(60)]
    page = standalone_html(volumes[17], members=_group(volumes), member=17, max_mb=0.6)
    data = _data(page)
    labels = data["group"]["labels"]
    assert 8 <= len(labels) < 60 and f"{len(labels)} of 60 volumes" in page.note
    numbers = [int(label.split()[1]) for label in labels]
    assert numbers[0] == 1 and numbers[-1] == 60 and 18 in numbers
    assert max(np.diff(numbers)) <= 2 * 60 / len(numbers)
    assert labels[data["state"]["member"]] == "echo 18"
    assert len(page.document) <= 0.62e6


def test_a_page_of_large_members_has_smaller_ones():
    volumes = [Volume(np.zeros((30, 256, 256), np.int16), AFFINE) for _ in range(10)]
    noise = np.random.default_rng(2).integers(0, 1000, volumes[0].array.shape).astype(np.int16)
    volumes = [replace(volume, array=noise) for volume in volumes]
    page = standalone_html(volumes[0], members=_group(volumes), max_mb=1)
    assert len(_data(page)["group"]["labels"]) == 8 and len(page.document) <= 1.02e6
    assert "of 30 slices" in page.note and "of 256 × 256 pixels" in page.note
