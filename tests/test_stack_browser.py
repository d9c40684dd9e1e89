"""Menus over a viewer: what they offer of a mixed collection, and what is shown of each entry."""

import html
import random
import threading
import time
from collections import Counter

import ipywidgets as widgets
import numpy as np
import pandas as pd
import pydicom
import pytest
from kind_collections import write_kind

from helpers import audit, browse_fused, header_table, slice_table, stack_table
from helpers.viewer.choices import EVERYBODY, VIEWS, Choices, UnknownStackError
from helpers.viewer.image_browser import ImageBrowser
from helpers.viewer.loading import LoadingBar
from helpers.viewer.opening import Opener, Wanted
from helpers.viewer.stack_browser import AS_STORED, AS_SUV, MAKING_S, StackBrowser
from helpers.viewer.static_text import StaticText
from helpers.viewer.volume_browser import VolumeBrowser

MIXED = ("PET with CT", "mammograms", "diffusion", "CT with objects")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four kinds in one folder: patients T01 T02 (PET/CT), M01 to M03, D01, and R01 (objects)."""
    folder = tmp_path_factory.mktemp("mixed")
    for name in MIXED:
        write_kind(name, folder / name)
    return folder


@pytest.fixture(scope="module")
def slices(folder):
    return slice_table(header_table(folder, progress=False))


@pytest.fixture(scope="module")
def choices(slices):
    return Choices(slices, stack_table(slices))


@pytest.fixture
def changed(folder, tmp_path):
    """Gives the slice table of a kind whose files were changed by a function."""

    def changed(kind, change):
        for number, path in enumerate(sorted((folder / kind).rglob("*.dcm"))):
            dataset = pydicom.dcmread(path)
            with pydicom.config.disable_value_validation():
                change(dataset)
                dataset.save_as(tmp_path / f"{number:04d}.dcm")
        return slice_table(header_table(tmp_path, progress=False))

    return changed


@pytest.fixture
def errors(monkeypatch):
    """What threads have raised and nobody has caught: nothing, at the end."""
    raised = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    yield
    assert not raised


def _stack(choices, patient, modality):
    own = (choices.stacks["PatientID"] == patient) & (choices.stacks["Modality"] == modality)
    return choices.stacks.index[own][0]


def _suv_menu(browser):
    return browser.values  # noqa: PD011


def _modalities(choices, options):
    return [None if one is None else choices.stacks.loc[one, "Modality"] for _, one in options]


# what the menus offer


def test_all_patients_are_offered_and_all_together_where_several_have_views(choices):
    (together, everybody), *own = choices.patients
    assert (together, everybody) == ("all 7 patients", EVERYBODY)
    assert sorted(name for name, _ in own) == ["D01", "M01", "M02", "M03", "R01", "T01", "T02"]
    assert choices.stacks_of(EVERYBODY) == [("all 12 images, one after the other", VIEWS)]


def test_nobody_is_offered_together_where_one_patient_has_views(choices):
    few = choices.slices[choices.slices["PatientID"].isin(["M01", "D01"])]
    assert [name for name, _ in Choices(few, stack_table(few)).patients] == ["D01", "M01"]


def test_views_of_everybody_are_the_images_that_are_no_volume(choices):
    views = choices.views_of(EVERYBODY)
    assert Counter(views["PatientID"]) == {"M01": 4, "M02": 4, "M03": 4}
    assert set(choices.views_of("M02")["PatientID"]) == {"M02"}


def test_a_group_is_one_entry_and_stands_for_the_stack_that_is_wanted(choices):
    ((label, stack),) = choices.stacks_of("D01")
    assert label.endswith("7 volumes")
    last = choices.stacks.index[choices.stacks["PatientID"] == "D01"][-1]
    assert last != stack
    assert [one for _, one in choices.stacks_of("D01", last)] == [last]


def test_each_view_is_an_entry_too_after_all_of_them(choices):
    (all_of_them, views), *each = choices.stacks_of("M01")
    assert (all_of_them, views) == ("all 4 images, one after the other", VIEWS)
    sides = {"R CC", "L CC", "R MLO", "L MLO"}
    assert len(each) == 4
    assert all(sum(side in label for side in sides) == 1 for label, _ in each)


def test_layers_are_of_the_same_patient_and_frame_of_reference(choices):
    for patient in ("T01", "T02"):
        layers = choices.layers_for(_stack(choices, patient, "CT"))
        assert _modalities(choices, layers) == [None, "PT"]
        assert choices.patient_of(layers[1][1]) == patient
        assert choices.layers_for(layers[1][1]) == [], "nothing over a PET"
    layers = choices.layers_for(_stack(choices, "R01", "CT"))
    assert _modalities(choices, layers) == [None, "RTDOSE"]
    assert choices.layers_for(_stack(choices, "D01", "MR")) == []


def test_nothing_lies_over_slices_whose_frame_of_reference_is_not_known(changed):
    def forget(dataset):
        if dataset.Modality == "CT":
            del dataset.FrameOfReferenceUID

    slices = changed("PET with CT", forget)
    choices = Choices(slices, stack_table(slices))
    assert choices.layers_for(_stack(choices, "T01", "CT")) == []
    shown = browse_fused(slices)
    assert isinstance(shown, StaticText) and "Nothing to lay over anything" in repr(shown)


def test_a_patient_without_an_id_and_hostile_ones_are_entries_of_their_own(changed):
    names = iter([None, "<b>x</b>", "<b>x</b>", "nan", "x" * 10_000] * 3)

    def rename(dataset):
        dataset.PatientID = next(names)
        dataset.SeriesDescription = "<script>alert(1)</script>" * 500

    slices = changed("mammograms", rename)
    browser = StackBrowser(slices)
    browser.wait()
    assert len(browser.viewer.images) == 12, "all of everybody"
    for patient in [value for _, value in browser.patient.options]:
        browser.patient.value = patient
        browser.wait()
        assert isinstance(browser.viewer, ImageBrowser), browser.message.value
        assert max(len(label) for label, _ in browser.stack.options) < 130
    browser.viewer.close()


# what is opened


def test_suv_that_headers_do_not_allow_is_refused_and_the_volume_is_shown_as_stored(changed):
    slices = changed("PET with CT", lambda dataset: dataset.__delattr__("PatientWeight"))
    choices = Choices(slices, stack_table(slices))
    pet, ct = (_stack(choices, "T01", modality) for modality in ("PT", "CT"))
    alone = Opener(choices).open(Wanted("T01", pet, as_suv=True))
    over = Opener(choices).open(Wanted("T01", ct, over=pet, as_suv=True))
    assert alone.volume.unit == over.options["over"].unit == "Bq/ml"
    for opened in (alone, over):
        assert opened.message.startswith("as stored, not in SUV: ")
        assert "Patient's Weight" in opened.message and "\n" not in opened.message
    assert over.volume.unit == "HU"


def test_what_cannot_be_laid_over_is_a_line_and_the_volume_is_shown_without_it(changed):
    def damage(dataset):
        if dataset.Modality == "PT":
            dataset.PixelData = dataset.PixelData[:100]

    slices = changed("PET with CT", damage)
    choices = Choices(slices, stack_table(slices))
    pet, ct = (_stack(choices, "T01", modality) for modality in ("PT", "CT"))
    opened = Opener(choices).open(Wanted("T01", ct, over=pet))
    assert opened.volume.unit == "HU" and "over" not in opened.options
    assert opened.message.startswith("nothing lies over it: ")
    shown = browse_fused(slices)
    assert isinstance(shown, StaticText) and "nothing lies over it: " in repr(shown)


def test_a_dynamic_pet_in_suv_keeps_its_second_slider(changed):
    def later(dataset):
        if dataset.PatientID == "T02" and dataset.Modality == "PT":  # the second time of T01's
            first = changed_from[dataset.InstanceNumber]
            dataset.PatientID, dataset.PatientName = first.PatientID, first.PatientName
            for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
                setattr(dataset, name, first[name].value)
            dataset.FrameReferenceTime = first.FrameReferenceTime + 600_000
            dataset.InstanceNumber += 100
        elif dataset.Modality == "PT":
            changed_from[dataset.InstanceNumber] = dataset

    changed_from = {}
    slices = changed("PET with CT", later)
    choices = Choices(slices, stack_table(slices))
    opened = Opener(choices).open(Wanted("T01", _stack(choices, "T01", "PT"), as_suv=True))
    members = opened.options["members"]
    assert (len(members), members.name, opened.volume.unit) == (2, "Time", "SUVbw")
    assert {members.volume(number).unit for number in range(2)} == {"SUVbw"}


def test_where_the_first_of_a_group_is_lost_the_images_of_all_are_shown(changed):
    def damage(dataset):
        if dataset.get("DiffusionBValue") == 0:
            dataset.PixelData = dataset.PixelData[:100]

    slices = changed("diffusion", damage)
    choices = Choices(slices, stack_table(slices))
    b_values = slices["DiffusionBValue"].groupby(level=["SeriesInstanceUID", "stack"]).first()
    lost = b_values.index[b_values == 0][0]
    opened = Opener(choices).open(Wanted("D01", lost))
    assert opened.volume is None and "\n" not in opened.message and opened.message
    assert len(opened.images) == 35, "seven volumes of five slices"


def test_what_is_asked_of_a_pet_changes_no_other_volume(choices):
    stack = choices.stacks_of("D01")[0][1]
    opened = Opener(choices).open(Wanted("D01", stack, as_suv=True))
    assert len(opened.options["members"]) == 7 and opened.message == ""


# the menus, driven


def test_another_patient_shows_the_images_of_that_patient(slices, errors):
    browser = StackBrowser(slices)
    browser.patient.value = EVERYBODY
    browser.wait()
    assert len(browser.viewer.images) == 12
    for patient in ("M01", "M03", "M02"):
        browser.patient.value = patient
        browser.wait()
        assert browser.stack.value == VIEWS, "the same entry, of another patient"
        assert set(browser.viewer.images.slices["PatientID"]) == {patient}
    browser.viewer.close()


def test_menus_that_are_set_in_any_order_show_what_they_say_at_last(slices, errors):
    browser, chance = StackBrowser(slices), random.Random(0)
    seen = []
    for _ in range(40):
        menu = chance.choice([browser.patient, browser.stack, browser.over, _suv_menu(browser)])
        if menu.options:
            menu.index = chance.randrange(len(menu.options))
        if chance.random() < 0.1:
            browser.go_to(chance.choice(list(browser.stacks.index)))
        if chance.random() < 0.3:
            browser.wait()
        seen.append(browser.viewer)
    browser.wait()
    wanted = browser._wanted()
    if wanted.entry == VIEWS:
        assert isinstance(browser.viewer, ImageBrowser)
    else:
        assert isinstance(browser.viewer, VolumeBrowser) or wanted.entry is None
        assert (browser.viewer.over is not None) == (wanted.over is not None)
    time.sleep(MAKING_S + 1)
    open_ones = {viewer for viewer in seen if viewer is not None and viewer.comm is not None}
    assert open_ones <= {browser.viewer}, "those before are closed"
    browser.viewer.close()


def test_menus_of_a_pet_are_seen_where_there_is_one(slices, errors):
    browser = StackBrowser(slices)
    seen = {}
    for stack, row in browser.stacks.iterrows():
        browser.go_to(stack)
        browser.wait()
        layouts = browser.over.layout, _suv_menu(browser).layout
        seen[row["Modality"], row["PatientID"][0]] = [one.display == "" for one in layouts]
    assert seen == {
        **{("CT", "T"): [True, True], ("PT", "T"): [False, True], ("MG", "M"): [False, False]},
        **{("MR", "D"): [False, False], ("CT", "R"): [True, False], ("SEG", "R"): [True, False]},
        ("RTDOSE", "R"): [False, False],
    }
    browser.viewer.close()


def test_suv_and_what_lies_over_are_what_the_viewer_shows(slices, choices, errors):
    browser = StackBrowser(slices, _stack(choices, "T01", "CT"))
    browser.over.index = 1
    _suv_menu(browser).value = AS_SUV
    browser.wait()
    assert browser.viewer.over.volume.unit == "SUVbw" and browser.viewer.volume.unit == "HU"
    suv = browser.viewer.over.volume.array
    _suv_menu(browser).value = AS_STORED
    browser.wait()
    stored = browser.viewer.over.volume.array
    assert browser.viewer.over.volume.unit == "Bq/ml"
    assert np.unique(np.round(stored[suv > 1] / suv[suv > 1], 0)).size == 1, "one factor"
    browser.go_to(_stack(choices, "T02", "CT"))
    browser.wait()
    assert browser.over.value is None and browser.viewer.over is None
    with pytest.raises(UnknownStackError, match="no such stack"):
        browser.go_to(("1.2.3", 0))
    browser.viewer.close()


def test_findings_that_read_alike_say_where_and_lead_there(slices, folder, errors):
    findings = audit(header_table(folder, progress=False), slices)
    browser = StackBrowser(slices, findings=findings)
    labels = [label for label, _ in browser.finding.options]
    assert len(labels) > 12 and len({*labels}) == len(labels), "each of twelve mammograms"
    browser.finding.index = next(n for n, label in enumerate(labels) if "M02/RCC.dcm" in label)
    browser.wait()
    shown = browser.viewer.images
    assert shown.paths[browser.viewer.index].endswith("M02/RCC.dcm")
    browser.viewer.close()


def test_after_the_picture_of_a_finding_the_viewer_comes_back(slices, errors):
    columns = {
        "severity": "error",
        "rule": "no-file",
        "value": "lost",
        "stack": None,
        "frame": None,
    }
    findings = pd.DataFrame([{**columns, "path": "elsewhere/lost.dcm"}])
    browser = StackBrowser(slices, findings=findings)
    browser.wait()
    browser.finding.index = 1
    assert browser.viewer is None and browser.message.value == "lost"
    browser.finding.index = 0
    browser.wait()
    assert browser.viewer is not None and browser.message.value == ""
    browser.viewer.close()


def test_a_line_about_hostile_headers_is_text_and_is_seen_wholly():
    bar = LoadingBar(print)
    bar.message.value = "got <img src=x onerror=alert(1)> & " + 300 * "words "
    seen = [child for child in bar.children if isinstance(child, widgets.HTML)]
    assert seen[0].value == html.escape(bar.message.value)
    assert bar.message not in bar.children, "a Label would be cut at its end"
