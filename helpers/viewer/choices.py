"""What can be chosen in a collection? The entries of the menus: patients, stacks, layers."""

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.slices.groups import sister_stacks
from helpers.slices.labels import stack_label

Stack: TypeAlias = tuple[str, int]  # an entry of the index of `stack_table`
Patient: TypeAlias = str | tuple[str, str]  # its ID, or `EVERYBODY`
Option: TypeAlias = tuple[str, Any]  # what a menu shows, and the value behind it

EVERYBODY = ("every", "patient")  # the value of the entry for all patients together
VIEWS = "views"  # the value of the entry for all images of one view each
VIEW_KINDS = ("projection", "picture")
MAX_LABEL = 120  # characters of an entry: a header may hold any number
LAYERS = ("PT", "NM", "RTDOSE")  # modalities that are looked at over another


class UnknownStackError(ClearError, KeyError):
    """A stack that the slices do not have."""

    __str__ = Exception.__str__  # KeyError's would quote the sentence


class Choices:
    """The entries of the menus over a viewer, from the tables of a collection.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    stacks : DataFrame of `helpers.stack_table` for these slices
    """

    def __init__(self, slices: pd.DataFrame, stacks: pd.DataFrame) -> None:
        self.slices, self.stacks = slices, stacks
        self._patient = stacks["PatientID"].map(str).to_numpy(object)  # (s,)
        self._is_view = stacks["kind"].isin(VIEW_KINDS).to_numpy() & ~self.is_volume
        self._frames = _frames_of_reference(slices, stacks)
        may_lie_over = stacks["Modality"].isin(LAYERS).to_numpy() & self.is_volume
        self._layers = np.flatnonzero(may_lie_over).tolist()  # rows of `stacks`

    @property
    def is_volume(self) -> np.ndarray:
        """Which stacks (s,) can be loaded as voxels, in part at least."""
        return (self.stacks["volume"] != "no").to_numpy()

    @property
    def patients(self) -> list[Option]:
        """All patients, those of the best stacks first; all together before, where that helps.

        It helps where several patients have images of one view each.
        """
        own = [(shortened(name), name) for name in dict.fromkeys(self._patient)]
        with_views = len({*self._patient[self._is_view]})
        together = [(f"all {len(own):,} patients", EVERYBODY)] if with_views > 1 else []
        return [*together, *own]

    def patient_of(self, stack: Stack) -> str:
        """The patient of a stack."""
        return self._patient[self.stacks.index.get_loc(stack)]

    def stacks_of(self, patient: Patient | None, wanted: Stack | None = None) -> list[Option]:
        """The stacks of a patient; all images of one view each are an entry too.

        The volumes of a group are one entry, which stands for the first of them, or for `wanted`.
        """
        if patient is None:
            return []
        rows = self._rows(patient)
        views = int(self.stacks["images"].to_numpy()[rows & self._is_view].sum())
        several = np.count_nonzero(rows & self._is_view) > 1
        together = [(f"all {views:,} images, one after the other", VIEWS)] if several else []
        if patient == EVERYBODY:
            return together
        return [*together, *self._entries(self.stacks[rows], wanted)]

    def views_of(self, patient: Patient) -> pd.DataFrame:
        """The rows of the slice table that are a patient's images of one view each."""
        stacks = self.stacks.index[self._rows(patient) & self._is_view]
        own = self.slices.index.droplevel(["path", "frame"])
        return self.slices[own.isin(stacks)]

    def rows_of(self, stack: Stack) -> pd.DataFrame:
        """The rows of the slice table that are a stack's, with all of their index."""
        return self.slices.xs(stack, level=["SeriesInstanceUID", "stack"], drop_level=False)

    def rows_of_group(self, stack: Stack) -> pd.DataFrame:
        """The rows of the slice table that are those of a stack and of the others of its group."""
        sisters = sister_stacks(self.stacks, stack).index
        return pd.concat([self.rows_of(one) for one in (sisters if len(sisters) else [stack])])

    def layers_for(self, stack: Stack) -> list[Option]:
        """The volumes that may lie over another: PET and doses of its patient in one frame."""
        place = self.stacks.index.get_loc(stack)
        patient, frame = self._patient[place], self._frames[place]
        rows = [
            row
            for row in self._layers
            if frame and (self._patient[row], self._frames[row]) == (patient, frame)
        ]
        if not rows or place in self._layers:
            return []
        return [("nothing", None), *self._entries(self.stacks.iloc[rows], None)]

    def first(self, stack: Stack | None) -> tuple[Patient | None, Any]:
        """(patient, entry) of what is opened: what is asked for, the best volume, or all views.

        Raises
        ------
        UnknownStackError
        """
        if stack is None and len(self.stacks) and not self.is_volume.any() and self._is_view[0]:
            owners = {*self._patient[self._is_view]}
            patient: Patient = EVERYBODY if len(owners) > 1 else owners.pop()
            if VIEWS in (value for _, value in self.stacks_of(patient)):
                return patient, VIEWS
        stack = checked_stack(self.stacks, stack)
        return (None, None) if stack is None else (self.patient_of(stack), stack)

    def _rows(self, patient):
        """Which stacks (s,) are a patient's, or anybody's."""
        if patient == EVERYBODY:
            return np.full(len(self._patient), True)
        return self._patient == patient

    def _entries(self, stacks, wanted):
        """An entry for each stack, and one for each group of volumes."""
        entries: list[Option] = []
        seen: set[Stack] = set()
        for row in stacks.itertuples():
            if row.Index in seen:
                continue
            grouped = row.volume != "no" and isinstance(row.split_keyword, str)
            sisters = sister_stacks(self.stacks, row.Index).index if grouped else []
            seen.update(sisters)
            shown = wanted if wanted in sisters else row.Index
            entries.append((shortened(stack_label(row, sisters=len(sisters))), shown))
        return entries


def checked_stack(stacks: pd.DataFrame, stack: Stack | None) -> Stack | None:
    """The stack that is asked for, or where none is the best volume, else the first; or None.

    Raises
    ------
    UnknownStackError
    """
    if stack is None:
        volumes = stacks.index[stacks["volume"] != "no"]
        return next(iter([*volumes[:1], *stacks.index[:1]]), None)
    if (
        not isinstance(stack, tuple)
        or len(stack) != len(stacks.index.names)
        or (stack not in stacks.index)
    ):
        raise UnknownStackError(
            f"expected an entry of stack_table's index, got {stack!r}: "
            "these slices have no such stack; the first is stack_table(slices).index[0]"
        )
    return stack


def shortened(label: str) -> str:
    """A label whose middle is left out where it is long: its end tells it from others."""
    half = MAX_LABEL // 2
    return label if len(label) <= MAX_LABEL else f"{label[:half]} … {label[-half:]}"


def _frames_of_reference(slices, stacks):
    """The Frame of Reference UID of the first image of each stack (s,); None without."""
    if "FrameOfReferenceUID" not in slices:
        return [None] * len(stacks)
    index = slices.index.droplevel(["path", "frame"])
    first = ~index.duplicated()
    frames = slices["FrameOfReferenceUID"][first].astype(object)
    found = dict(zip(index[first], frames.where(frames.notna(), None)))
    return [found.get(stack) for stack in stacks.index]
