"""Plots by what they show."""

import numpy as np
import pandas as pd
import pytest
from kind_collections import write_kind
from matplotlib import pyplot as plt

from helpers import (
    header_table,
    kind_counts,
    plot_files_and_positions,
    plot_kinds,
    plot_missing,
    plot_positions,
    plot_slice_counts,
    plot_waterfall,
    slice_counts,
    slice_table,
    stack_table,
)
from helpers.pictures.plots import MAX_KEYWORDS, PAGE_WIDTH


@pytest.fixture(scope="module")
def counts(phantom_headers, phantom_slices):
    return slice_counts(phantom_headers, phantom_slices)


def test_slice_counts(counts):
    ax = plot_slice_counts(counts)
    assert sum(patch.get_height() for patch in ax.containers[0]) == len(counts)
    outline = ax.patches[-1].get_xy()
    assert outline[1:-1:2, 1].sum() == len(counts), "every patient is in the outline too"
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"median of these positions: {counts['largest_stack'].median():g}" in words
    assert ax.get_xlabel() and ax.get_ylabel() and ax.get_title()


def test_files_and_positions(counts):
    counts = counts.head(60)  # as many as are named
    ax = plot_files_and_positions(counts)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(names) == sorted(counts.index)
    bars = dict(zip(names, (patch.get_width() for patch in ax.patches)))
    dots = dict(zip(names, ax.lines[0].get_xdata()))
    assert bars == counts["files"].to_dict() and dots == counts["largest_stack"].to_dict()


def test_names_are_left_out_where_they_do_not_fit():
    many = pd.DataFrame(
        {"files": range(200), "largest_stack": range(200)},
        index=pd.RangeIndex(200, name="PatientID"),
    )
    ax = plot_files_and_positions(many)
    assert not ax.get_yticklabels() and len(ax.patches) == 200


def test_of_very_many_patients_some_are_drawn_and_the_title_says_so(monkeypatch):
    names = pd.Index(np.random.default_rng(0).permutation(3000), name="PatientID")
    many = pd.DataFrame({"files": names * 2, "largest_stack": names}, index=names)
    ax = plot_files_and_positions(many)
    widths = [bar.get_width() for bar in ax.patches]
    assert len(widths) == 800 and widths[0] == 0 and widths[-1] == 5998
    assert np.diff(widths).min() > 5 and np.diff(widths).max() < 10, "not at even steps"
    assert ax.get_title().endswith("(800 of 3,000, evenly chosen)")
    kinds = plot_kinds(pd.DataFrame({"projection": names + 1, "cine": 1}, index=names))
    assert len(kinds.containers[0]) == 800 and "(800 of 3,000, " in kinds.get_title()
    assert "cine (3,000)" in _words(kinds)
    rows = {"PatientID": map(str, names), "error": None, "Rows": np.where(names < 1500, 5, np.nan)}
    missing = plot_missing(pd.DataFrame(rows))
    shown = [int(label.get_text()) for label in missing.get_yticklabels()]
    assert len(shown) == 80 and max(shown) > 2900 and "80 of 3,000 rows" in missing.get_title()


def test_positions_gaps_and_repetitions(phantom_slices):
    stacks = {key: phantom_slices.loc[key] for key in stack_table(phantom_slices).index}
    ax = plot_positions(stacks)
    strokes = [line for line in ax.lines if line.get_marker() == "|" and len(line.get_xdata())]
    triangles = [line for line in ax.lines if line.get_marker() == "v" and len(line.get_xdata())]
    repeated = sum(len(line.get_xdata()) for line in triangles)
    assert repeated == 2, "a position stored twice, a file copied"
    assert len(ax.get_legend().get_texts()) == 2
    labels = [label.get_text() for label in ax.get_yticklabels()]
    names = [label for label in labels if label.startswith("P12-no-position")]
    assert names == ["P12-no-position · series 1 Chest 1 mm FC51 · stack 0 (a guess)"]
    assert "mm" in ax.get_xlabel()
    patients = [label.split(" · ")[0] for label in labels]
    by_patient = {name: np.diff(line.get_xdata()) for name, line in zip(patients, strokes)}
    assert by_patient["P11-slice-missing"].max() == 20
    assert by_patient["P01-reference"].max() == 3


def test_unknown_positions_are_said_to_be_unknown(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P12-no-position"]
    slices = slice_table(rows.drop(columns="SliceLocation"))
    ax = plot_positions({"P12": slices.loc[stack_table(slices).index[0]]})
    assert "position unknown (20 images)" in [text.get_text() for text in ax.texts]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["P12 (a guess)"]
    assert not len(ax.get_xticks()) and "no image has a position" in ax.get_xlabel()


def test_frames_of_one_file_are_in_no_doubtful_order(phantom_slices):
    """As those of an angiogram: without a place in the patient, but in the order of the file."""
    frames = phantom_slices[phantom_slices["PatientID"] == "P42-one-file"]
    ax = plot_positions({"a run": frames.assign(order_grade="C", position_mm=np.nan)})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a run"]
    assert f"position unknown ({len(frames)} images)" in [text.get_text() for text in ax.texts]


def test_missing_elements(phantom_headers):
    ax = plot_missing(phantom_headers)
    keywords = [label.get_text() for label in ax.get_xticklabels()]
    patients = [label.get_text() for label in ax.get_yticklabels()]
    share = ax.images[0].get_array()
    assert share[patients.index("P12-no-position"), keywords.index("ImagePositionPatient")] == 0
    assert share[patients.index("P01-reference"), keywords.index("ImagePositionPatient")] == 1
    everywhere = phantom_headers.columns[phantom_headers.notna().all()]
    assert len(everywhere) and set(keywords).isdisjoint(everywhere), "no surprise"


def test_nothing_missing_is_still_a_picture():
    complete = pd.DataFrame({"PatientID": ["a", "b"], "Rows": [1, 2], "error": [None, None]})
    ax = plot_missing(complete)
    assert ax.get_title() == "No file lacks what another has"
    assert not ax.axison, "no empty frame"
    assert ax.figure.get_figheight() < 1


def test_many_elements_fit_the_width_of_a_page_and_those_left_out_are_counted():
    rows = {f"Element{number}": [number, None] for number in range(90)}
    ax = plot_missing(pd.DataFrame({"PatientID": ["a", "b"], **rows, "error": [None, None]}))
    assert ax.get_title().endswith(f"({MAX_KEYWORDS} of 90 elements)")
    assert ax.figure.get_figwidth() <= PAGE_WIDTH


def test_plots_draw_on_the_axes_they_are_given(phantom_headers, counts):
    ax = plt.figure().add_subplot()
    for plot, table in (
        (plot_slice_counts, counts),
        (plot_files_and_positions, counts),
        (plot_missing, phantom_headers),
        (plot_positions, {}),
    ):
        assert plot(table, ax=ax) is ax


def test_the_waterfall_counts_what_each_step_takes_away(counts):
    ax = plot_waterfall(counts)
    totals = counts.drop(columns="stacks").sum()
    assert [patch.get_width() for patch in ax.patches] == totals.tolist()
    labels = [text.get_text().strip() for text in ax.texts]
    assert labels[0] == f"{counts['files'].sum():,}" and "(-" in labels[1] and "(+" not in labels[1]
    assert labels[2] == f"{counts['images'].sum():,}, as some files hold several"


def test_the_waterfall_of_images_only_shrinks(real_headers):
    """Doses and masks are images, but no positions of a patient's slices."""
    counts = slice_counts(real_headers)
    widths = [patch.get_width() for patch in plot_waterfall(counts).patches]
    files, images = widths[:2], widths[2:]
    assert files == sorted(files, reverse=True) and images == sorted(images, reverse=True)
    assert images[1] > images[2] > 0


def test_the_largest_count_is_explained_on_the_plot(counts):
    texts = [text.get_text() for text in plot_slice_counts(counts).texts]
    assert texts == ["P09-two-scans: 188 files,\n2 stacks of at most 94 positions"]
    assert not plot_slice_counts(counts.drop(index="P09-two-scans")).texts


@pytest.mark.parametrize("patients", [1, 2, 3, 30])
def test_no_arrow_crosses_the_words_that_it_comes_from(patients):
    names = pd.Index([f"S{number}" for number in range(patients)], name="PatientID")
    counts = pd.DataFrame({"files": 39, "largest_stack": 15, "stacks": 5}, index=names)
    ax = plot_slice_counts(counts)
    (words,) = ax.texts
    ax.figure.canvas.draw()
    box, tip = words.get_window_extent(), ax.transData.transform(words.xy)
    assert box.x1 < tip[0] and not box.y0 <= tip[1] <= box.y1


# images that are no slices


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """(counts, slices) of radiographs, clips, slides, and a CT with its mask and dose."""
    folder = tmp_path_factory.mktemp("views")
    for name in ("radiographs", "ultrasound clips", "slides", "CT with objects"):
        write_kind(name, folder / name)
    headers = header_table(folder, progress=False)
    slices = slice_table(headers)
    return slice_counts(headers, slices), slices


def _words(ax):
    legend = ax.get_legend()
    texts = [*ax.texts, *(legend.get_texts() if legend else ()), *ax.get_yticklabels()]
    said = [text.get_text() for text in texts]
    return " ".join([*said, ax.get_title(), ax.get_xlabel(), ax.get_ylabel()])


def test_views_and_frames_are_not_called_slices(views):
    counts, slices = views
    stacks = {key: slices.loc[key] for key in stack_table(slices).index}
    for plot, table in (
        (plot_slice_counts, counts),
        (plot_files_and_positions, counts),
        (plot_waterfall, counts),
        (plot_positions, stacks),
    ):
        assert "slices" not in _words(plot(table)).replace("not slices of a patient", "")


def test_what_has_no_position_is_said_in_its_row(views):
    _, slices = views
    table = stack_table(slices)
    drawn = table[table["kind"].isin(["cine", "projection"])].index
    ax = plot_positions({key: slices.loc[key] for key in drawn})
    said = [text.get_text() for text in ax.texts]
    assert "frames of one view over time (6 images)" in said
    assert "images of one view each (1 image)" in said or any("view each (2" in one for one in said)
    assert ax.get_xlabel() == "no image has a position in the patient"


def test_counts_stand_on_bars_of_whole_numbers(views):
    """One image a patient is a bar at 1, and the frames of a clip are one position."""
    counts, _ = views
    clips = counts[counts.index.str.startswith("E")] if len(counts) else counts
    few = pd.DataFrame({"files": [1] * 50, "largest_stack": [1] * 50}).rename_axis("PatientID")
    for table in (few, clips if len(clips) else few):
        ax = plot_slice_counts(table)
        for bar in ax.containers[0]:
            middle = bar.get_x() + bar.get_width() / 2
            assert bar.get_height() == ((table["files"] == round(middle)).sum())
            assert middle == pytest.approx(round(middle))


def test_kinds_of_images_of_each_patient(views):
    _, slices = views
    counts = kind_counts(slices)
    ax = plot_kinds(counts)
    names = [label.get_text() for label in ax.get_yticklabels()]
    ends = np.zeros(len(names))
    for bars in ax.containers:
        kind = bars.get_label().split(" ")[0]
        widths = [bar.get_width() for bar in bars]
        assert widths == counts.loc[names, kind].tolist()
        assert [bar.get_x() for bar in bars] == ends.tolist()
        ends += widths
    assert ends.tolist() == sorted(counts.sum(axis=1)) and len(ax.containers) >= 4
    assert f"cine ({counts['cine'].sum()})" in _words(ax)
    assert plot_kinds(counts.iloc[:0]).get_title() == "No image to count"
    many = pd.DataFrame({"projection": [1] * 500}).rename_axis("PatientID")
    assert not plot_kinds(many).get_yticklabels()
