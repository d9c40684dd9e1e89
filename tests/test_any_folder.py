"""Any folder: eighteen kinds of collections from headers to a picture, and through every page."""

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import pytest
from kind_collections import KINDS, real_files, write_kind
from kind_others import write_two_kernels

from helpers import (
    audit,
    best_stacks,
    browse,
    browse_fused,
    contents_table,
    header_table,
    kind_counts,
    load_slice,
    load_volume,
    protocol_table,
    show_slice,
    show_views,
    slice_table,
    stack_label,
    stack_table,
    suv,
)
from helpers.report.execution import execute_pages

LEARNED_FROM = ("radiographs", "slides", "chest CT")  # nothing to learn, no place, few patients
LABELLED = ("CT with objects", "documents")  # two organs and structures; nothing, and no volume
PAGES = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
BEFORE_LEARNING = [page for page in PAGES if page.stem < "07"]
WHAT_A_KIND_IS = [page for page in PAGES if page.stem[:2] in ("00", "01", "04", "05", "06")]


class Answer(NamedTuple):
    """What a small collection of a kind holds, and what the audit finds in it."""

    images: dict[str, int]  # of each kind
    stacks: int
    largest: int  # positions of the largest stack
    letters: str  # left, right, top, bottom of the middle image of the first stack
    findings: set[str] = frozenset()  # rules


PHASES = {"several-phases"}
ANSWERS = {
    "radiographs": Answer(
        {"projection": 12}, 12, 1, "APHF", {"mixed-monochrome", "spacing-at-detector"}
    ),
    "mammograms": Answer({"projection": 12}, 12, 1, "PALR", {"spacing-at-detector"}),
    "ultrasound": Answer({"picture": 6}, 3, 2, "????"),
    "ultrasound clips": Answer({"cine": 12}, 2, 1, "????"),
    "angiography": Answer({"cine": 30}, 6, 1, "RLHF", {"spacing-at-detector"}),
    "nuclear medicine": Answer({"cine": 16, "projection": 4}, 4, 2, "LRHF"),
    "PET with CT": Answer({"volume": 54}, 4, 15, "RLAP"),
    "brain MR": Answer({"volume": 72}, 12, 6, "RLAP", PHASES),
    "spine MR": Answer({"volume": 38}, 10, 5, "APHF"),
    "diffusion": Answer({"volume": 35}, 7, 5, "RLAP", PHASES),
    "functional MR": Answer({"volume": 36}, 7, 6, "RLAP", PHASES),
    "mosaic": Answer({"mosaic": 4}, 1, 0, "RLAP", {"mosaic"}),
    "enhanced": Answer({"volume": 15}, 3, 5, "RLAP", PHASES),
    "CT with objects": Answer({"volume": 8, "dose": 8, "segmentation": 16}, 4, 8, "RLAP"),
    "slides": Answer({"slide": 4}, 4, 1, "????"),
    "documents": Answer({"picture": 4}, 4, 1, "RLHF"),
    "messy download": Answer(
        {"volume": 90},
        4,
        24,
        "RLAP",
        {"same-instance-twice", "missing-references", "not-dicom", "interspaced"},
    ),
    "chest CT": Answer({"volume": 91}, 5, 28, "RLAP", {"interspaced", "series-read-alike"}),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a small collection of a kind, written when it is first asked for."""
    folders = {}

    def folder_of(name):
        if name not in folders:
            folders[name] = write_kind(name, tmp_path_factory.mktemp("kind") / name)
        return folders[name]

    return folder_of


def _tables(folder):
    headers = header_table(folder, progress=False)
    slices = slice_table(headers)
    return headers, slices, stack_table(slices)


def _middle(slices, stack):
    rows = slices.loc[stack]
    path, frame = rows.index[len(rows) // 2]
    return load_slice(path, frame=frame)


@pytest.mark.parametrize("name", KINDS)
def test_the_whole_way_to_the_first_picture(written, name):
    headers, slices, stacks = _tables(written(name))
    answer = ANSWERS[name]
    assert kind_counts(slices).sum().to_dict() == answer.images
    assert len(stacks) == answer.stacks and stacks["positions"].max() == answer.largest
    first = _middle(slices, stacks.index[0])
    assert "".join(letter[0] for letter in first.letters) == answer.letters
    assert show_slice(first).images
    assert {*audit(headers, slices, pixels=True)["rule"]} == answer.findings


@pytest.mark.parametrize("name", KINDS)
def test_stacks_of_a_patient_read_differently(written, name):
    _, slices, stacks = _tables(written(name))
    labels = Counter(zip(stacks["PatientID"], map(stack_label, stacks.itertuples())))
    assert max(labels.values()) == 1
    assert [*labels] == [(row["PatientID"], stack_label(row)) for _, row in stacks.iterrows()], (
        "a row may be a Series too"
    )
    assert all(best_stacks(stacks)["reason"] != "") and len(protocol_table(slices))


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_drawn_and_browsed(written, name):
    _, slices, _ = _tables(written(name))
    assert all(ax.images for ax in show_views(slices, most=3))
    shown = browse(slices)._repr_mimebundle_()
    assert "image/png" in shown and "<iframe" in shown["text/html"]


def test_objects_that_are_no_images_are_counted_and_no_errors(written):
    contents = contents_table(_tables(written("documents"))[0])
    assert contents.loc["other DICOM objects", "files"].to_dict() == {
        "Encapsulated PDF": 2,
        "Basic Text SR document": 2,
        "Grayscale Softcopy Presentation State": 2,
    }


def test_letters_agree_with_the_anatomy_in_the_pixels(written):
    """The hot node is in the right lung, and a chest wall is behind: no header made that."""
    _, slices, stacks = _tables(written("PET with CT"))
    pet = load_volume(slices.loc[stacks.index[stacks["Modality"] == "PT"][0]])
    _, _, columns = np.nonzero(pet.array > 0.9 * pet.array.max())
    hot = _middle(slices, stacks.index[stacks["Modality"] == "PT"][0])
    assert hot.letters.left == "R" and columns.mean() < hot.array.shape[1] / 2, "the right lung"
    _, slices, stacks = _tables(written("mammograms"))
    for stack in stacks.index:
        image = _middle(slices, stack)
        wall = image.array[:, -2:].mean() > image.array[:, :2].mean()
        assert image.letters[1 if wall else 0] == "P", "the chest wall is behind"


def test_a_pet_is_in_suv_and_lies_on_its_ct(written):
    _, slices, stacks = _tables(written("PET with CT"))
    stack = stacks.index[stacks["Modality"] == "PT"][0]
    uptake = suv(load_volume(slices.loc[stack]), slices.loc[stack])
    left = 2 ** (-3600 / 6586.2)  # an hour after the injection
    assert uptake.unit == "SUVbw"
    assert uptake.array.max() == pytest.approx(60000 * 70_000 / (3.7e8 * left), rel=1e-3)
    shown = browse_fused(slices)._repr_mimebundle_()
    assert "SUVbw" in shown["text/html"] and "image/png" in shown


def test_nothing_lies_over_a_collection_without_layers(written):
    assert "frame of reference" in repr(browse_fused(_tables(written("brain MR"))[1]))


def test_kernels_tell_two_reconstructions_apart(tmp_path):
    write_two_kernels(tmp_path)
    _, slices, stacks = _tables(tmp_path)
    assert stacks["differs"].tolist() == ["kernel B30f", "kernel B70f"]
    assert set(stacks["SeriesDescription"]) == {"5mm"}
    (reason,) = best_stacks(stacks)["reason"]
    assert "no better" in reason and "kernel" in reason
    assert protocol_table(slices)["ConvolutionKernel"].str.contains("B30f").any()


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_every_page_on_every_kind(written, name, phantom, tmp_path):
    """All, where page 07 has something else to learn from; else those before it, or labels too."""
    labels = [page for page in PAGES if page.stem == "08_labels"]
    some = [*BEFORE_LEARNING, *(labels if name in LABELLED else [])]
    _execute(written(name), tmp_path, PAGES if name in LEARNED_FROM else some)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_pages_on_real_files_of_every_kind(real, name, phantom, tmp_path):
    """Those that show what a kind is: ten cells, one file, letters, quality, the viewer."""
    found = real_files(name, real)
    if not found:
        pytest.skip(f"no real files of {name} beside the project")
    folder = tmp_path / "real"
    folder.mkdir()
    for path in found:
        (folder / path.name).symlink_to(path)
    _execute(folder, tmp_path, WHAT_A_KIND_IS)


def _execute(folder, tmp_path, wanted):
    """Executes pages, each in a kernel of its own, beside copies of the notebooks."""
    pages = {}
    for page in wanted:
        copy = Path(shutil.copy(page, tmp_path))
        pages[copy] = nbformat.read(copy, as_version=4)
    root = str(PAGES[0].parents[1])
    environment = {**os.environ, "DICOM_ROOT": str(folder), "PYTHONPATH": root}
    executions = tmp_path / "executions"
    executions.mkdir()
    for page, (_, error) in zip(pages, execute_pages(pages, environment, executions)):
        assert not error, f"{page.stem}: {error}"
        assert not _failures(pages[page]), page.stem


def _failures(page):
    """Outputs of a page that say that something could not be shown: these stop no cell.

    A StackWarning is no failure: it says which images of an uneven stack were left out.
    """
    outputs = [output for cell in page.cells for output in cell.get("outputs", [])]
    said = [str(output.get("text", output.get("data", ""))) for output in outputs]
    texts = [text.replace("StackWarning", "") for text in said]
    return [
        output.get("traceback", text)
        for output, text in zip(outputs, texts)
        if output["output_type"] == "error" or "Traceback" in text or "Warning" in text
    ]
