"""What is in a folder of DICOM files, what is wrong with it, and what does it look like?

    folder, archive, bucket → files → headers → slices → stacks → volume → slice → picture
                                         │         │        └──────────→ viewer
                                         └─ audit ─┘

Each stage hands plain data to the next: paths, a DataFrame of files (`header_table`), of images
(`slice_table`) and of stacks (`stack_table`), a `Volume`, a `Slice`. Where an image belongs is
worked out once: what comes behind `slice_table` takes its rows, ``slices.loc[stack]`` for one
stack. A room, which is a folder here, imports only from those above it:

============= ==================================================================
room          the question it answers
============= ==================================================================
errors        What is said to people where something cannot be done?
runtime       Where does this run, and how is work done several at a time?
files/        Which files are here, and what are their bytes, wherever they lie?
formats       What is a file that is no DICOM?
phantom/      What does a collection look like whose every answer is known?
collection    Which collection is meant?
geometry/     Which patient direction does an axis point to?
privacy/      What here could identify a person?
headers/      What does every header say?
slices/       Where does every image belong?
pixels/       What are the values of an image?
volume/       What are the voxels of a stack, and where are they?
labels/       What is labelled, and where does it lie?
interchange/  How does a volume leave for other programs?
pictures/     Slices and tables, drawn.
quality/      What is wrong, and what does it do to a picture or a number?
scale/        How does a collection that fits in no memory get the same answers?
learn/        How do slices enter fastai?
viewer/       Volumes, stacks and headers, browsed.
pages         Which pages are there, and what are they called?
report/       How do the pages leave as a report?
kernels/      How do the pages leave as notebooks for Kaggle and Colab?
============= ==================================================================

All that a notebook needs is here: ``from helpers import header_table, slice_table``. A name is
loaded when it is first used. ``python -m helpers.site`` and ``python -m helpers.kaggle`` are the
two commands.

Conventions, stated here and nowhere else:

- Patient frame: DICOM's LPS+ in millimetres (x to the Left, y to Posterior, z to Head).
- Arrays are ``(slices, rows, columns)``. `Volume.affine` is ``(4, 4)`` and maps
  ``(slice, row, column, 1)`` to LPS mm; its first column is the step from slice to
  slice, tilt included. Its determinant is negative by the order of the indices.
- Slices of a stack run along ``+cross(row cosines, column cosines)``; `position_mm` and
  `spacing_mm` are distances along that normal.
- Pixel spacing is ``(row spacing, column spacing)``: vertical first (PS3.3 10.7.1.3).
- Letters: R L A P H F, several on an oblique plane, the largest component first.
- Columns of the header table are DICOM keywords. One value is a scalar, several are a
  tuple, missing is None or NaN. The slice table has the same, for every frame; frames count
  from 0.
"""

from importlib import import_module

_NAMES_OF = {  # module → the public names that it owns
    "errors": ["ClearError"],
    "files.listing": ["list_files"],
    "files.opening": ["on_disk"],
    "phantom.writing": ["write_phantom"],
    "phantom.exercises": ["check", "exercise"],
    "collection": ["collection_root", "phantom_root", "phantom_truth"],
    "geometry.orientation": ["edge_letters", "plane_name", "slice_normal"],
    "privacy.identifying": ["identifying"],
    "privacy.pseudonyms": ["deidentify"],
    "headers.table": ["header_table", "split_values"],
    "headers.dump": ["diff_headers", "header_of"],
    "headers.keywords": ["tag_summary"],
    "headers.export": ["export"],
    "headers.clinical": ["clinical_table"],
    "slices.contents": ["contents_line", "contents_table"],
    "slices.table": ["slice_table"],
    "slices.stacks": ["kind_counts", "slice_counts", "stack_table"],
    "slices.labels": ["stack_label"],
    "slices.examples": [
        *("images_or_phantom", "middle_image", "neighbouring_files", "volumes_or_phantom"),
    ],
    "slices.best": ["best_stacks"],
    "slices.protocols": ["protocol_table"],
    "pixels.image": ["stored_values"],
    "pixels.window": ["WINDOWS", "Window", "apply_window"],
    "volume.saving": ["save_slice"],
    "volume.slice": ["Slice", "load_slice"],
    "volume.letters": ["why_no_letters"],
    "volume.volume": ["Volume", "load_volume"],
    "volume.conversion": ["reoriented", "straightened"],
    "volume.resampling": ["resampled"],
    "volume.suv": ["suv"],
    "labels.annotations": ["annotation_columns", "annotation_table", "class_balance"],
    "labels.annotation_marks": ["annotation_labels", "image_labels"],
    "labels.folds": ["fold_leaks"],
    "labels.loading": ["load_labels"],
    "labels.runs": ["mask_of_runs", "runs_of_mask"],
    "labels.beside": ["annotations_beside"],
    "labels.first_look": ["label_middle", "labelled_stack", "strangest_labels"],
    "labels.sources": ["labels_of"],
    "labels.table": ["label_table"],
    "interchange.exporting": ["export_volume"],
    "pictures.slices": [
        "show_montage",
        "show_planes",
        "show_slice",
        "show_windows",
    ],
    "pictures.labelled_images": ["show_annotated", "show_labelled"],
    "pictures.fused": ["show_fused"],
    "pictures.plane_in_patient": ["show_plane_in_patient"],
    "pictures.views": ["show_views"],
    "pictures.plots": [
        *("plot_files_and_positions", "plot_findings", "plot_kinds", "plot_missing"),
        *("plot_positions", "plot_slice_counts", "plot_waterfall"),
    ],
    "pictures.histogram": ["plot_histogram"],
    "pictures.tables": ["table_or_line"],
    "quality.decoders": ["decoder_table"],
    "quality.statistics": ["pixel_table"],
    "quality.audit": ["RULES", "audit", "badge", "score"],
    "quality.evidence": ["show_evidence", "show_remedies"],
    "scale.survey": ["survey", "survey_or_phantom"],
    "learn.cohort": ["check_decodable", "largest_group", "sample_slices", "training_table"],
    "learn.classes": ["class_table"],
    "learn.folds": ["folds"],
    "learn.block": ["PatientSplitter", "SliceBlock", "compare_readers"],
    "learn.training_plots": [
        *("plot_errors", "plot_predictions", "plot_readings", "show_predictions"),
    ],
    "viewer.browse": ["browse", "browse_together"],
    "viewer.fusion": ["browse_fused"],
    "viewer.header_browser": ["HeaderBrowser"],
}
_MODULE_OF = {name: module for module, names in _NAMES_OF.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    """A public name, loaded when it is first used (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, and what every module has."""
    return sorted({*globals(), *__all__})
