"""What can a rule of the audit ask of a collection?"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from helpers.headers.references import Reference, references_of, sequences_of
from helpers.pixels.guesses import COLOUR, NEEDED_KEYWORDS, Gap, can_be_guessed, gaps_of
from helpers.quality.decoders import missing_decoders
from helpers.quality.findings import MAX_ALIKE, Finding, Stack
from helpers.quality.statistics import pixel_table
from helpers.runtime import in_threads_if_slow
from helpers.slices.arrays import Arrays
from helpers.slices.images import is_image
from helpers.slices.measures import Measures
from helpers.slices.table import NO_UID

CROSS_SECTIONAL = [  # SOP classes of CT, MR and PET: images with a position in the patient
    f"1.2.840.10008.5.1.4.1.1.{kind}"
    for kind in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")
]
DEFLATED = "1.2.840.10008.1.2.1.99"  # its beginning cannot be read without all of it
CROSS_SECTIONAL_MODALITIES = ["CT", "MR", "PT"]  # count where the SOP class is missing

Result = TypeVar("Result")
NOTHING_ELSEWHERE: Mapping[str, Any] = MappingProxyType({})


class Collection:
    """The files, images (n,), stacks (s,) and pixels that rules look at, each worked out once.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    slices : DataFrame of `helpers.slice_table` for them
    executor : decodes the images, where a rule looks at pixels; None decodes them here
    elsewhere : Frame of Reference by SOP Instance UID, of objects of the same collection that
        are not among these files
    file_counts, image_counts : how many files (m,) and images (n,) each row stands for, of tables
        that have one row for many which say the same; None: each for itself
    """

    def __init__(
        self,
        headers: pd.DataFrame,
        slices: pd.DataFrame,
        executor: Executor | None = None,
        *,
        elsewhere: Mapping[str, Any] = NOTHING_ELSEWHERE,
        file_counts: np.ndarray | None = None,
        image_counts: np.ndarray | None = None,
    ) -> None:
        self.headers, self.slices, self._executor = headers, slices, executor
        self.elsewhere = elsewhere
        self.file_counts = np.ones(len(headers), int) if file_counts is None else file_counts
        self.image_counts = np.ones(len(slices), int) if image_counts is None else image_counts
        self.files, self.measures = Arrays(headers), Measures(slices)
        self.readable = headers["error"].isna().to_numpy()
        self.image = is_image(headers)
        self._worked_out: dict[Callable, Any] = {}

    # files

    def column(self, keyword: str) -> pd.Series:
        """A column of the header table; empty values where it has none."""
        if keyword in self.headers:
            return self.headers[keyword]
        return pd.Series(None, self.headers.index, dtype=object)

    @cached_property
    def errors(self) -> pd.Series:
        """Why files could not be read, by path."""
        return self.headers["error"].dropna()

    @cached_property
    def no_decoders(self) -> dict[str, str]:
        """The transfer syntaxes that nothing here decodes, and what would."""
        return missing_decoders(
            self.headers.reindex(columns=["TransferSyntaxUID", "BitsStored"])[self.image]
        )

    @cached_property
    def gaps(self) -> dict[str, list[Gap]]:
        """What the headers of images lack, by path; those that lack nothing are left out."""
        rows = np.flatnonzero(self.image)
        kinds = np.stack([self.files.codes(keyword)[rows] for keyword in NEEDED_KEYWORDS], axis=1)
        _, first, kind = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
        values = self.headers.reindex(columns=NEEDED_KEYWORDS).iloc[rows[first]]
        found = [gaps_of(row.dropna().to_dict()) for _, row in values.astype(object).iterrows()]
        paths, kind = self.headers.index[rows], kind.reshape(-1)
        return {path: found[one] for path, one in zip(paths, kind.tolist()) if found[one]}

    @cached_property
    def incomplete(self) -> dict[str, str]:
        """What images lack, by path, of which so much is missing that nothing is guessed."""
        return {
            path: ", ".join(gap.lack for gap in gaps)
            for path, gaps in self.gaps.items()
            if not can_be_guessed(gaps)
        }

    @cached_property
    def references(self) -> dict[str, list[Reference]]:
        """What segmentations, structures, doses, reports and the like refer to, by path.

        Of these files, and of no other, the beginning of the header is read again.
        """
        classes = self.column("SOPClassUID")
        lists = {uid: sequences_of(uid) for uid in classes.dropna().unique()}
        with_lists = classes.isin([uid for uid, sequences in lists.items() if sequences])
        deflated = self.headers["TransferSyntaxUID"] == DEFLATED
        rows = np.flatnonzero((with_lists & ~deflated).to_numpy() & self.readable)
        files = [(self.headers.index[row], lists[classes.iloc[row]]) for row in rows]
        return dict(zip([path for path, _ in files], in_threads_if_slow(_references, files)))

    def once(self, work: "Callable[[Collection], Result]") -> Result:
        """What a function makes of the collection, worked out once for all rules that ask."""
        if work not in self._worked_out:
            self._worked_out[work] = work(self)
        result: Result = self._worked_out[work]
        return result

    # images

    @cached_property
    def paths(self) -> np.ndarray:
        """The path of the file of each image (n,)."""
        return self.slices.index.get_level_values("path").to_numpy(object)

    @cached_property
    def path_codes(self) -> np.ndarray:
        """A number for the file of each image (n,)."""
        return np.asarray(self.slices.index.codes[self.slices.index.names.index("path")])

    @cached_property
    def frames(self) -> np.ndarray:
        """The frame of each image (n,), from 0."""
        return self.slices.index.get_level_values("frame").to_numpy(int)

    @cached_property
    def unusable(self) -> np.ndarray:
        """Which images (n,) cannot be used at all: they have an error."""
        return self.slices["error"].notna().to_numpy()

    @cached_property
    def zero_slope(self) -> np.ndarray:
        """Which grey images (n,) have a Rescale Slope of 0, and nothing that stands for it."""
        others = map(self.measures.numbers, ("ModalityLUTSequence", "DoseGridScaling"))
        replaced = np.isfinite([*others]).any(axis=0)
        is_grey = self.measures.numbers("SamplesPerPixel") != COLOUR
        return (self.measures.numbers("RescaleSlope") == 0) & is_grey & ~replaced

    @cached_property
    def pixels(self) -> pd.DataFrame:
        """The table of `helpers.pixel_table`, one row per image."""
        return pixel_table(self.slices, executor=self._executor)

    def name(self, row: int) -> str:
        """The name of an image's file, with the frame where the file has several."""
        name = os.path.basename(self.paths[row])
        several = self.measures.numbers("NumberOfFrames")[row] > 1
        return f"{name} frame {self.frames[row]}" if several else name

    def first_in_file(self, rows: np.ndarray) -> np.ndarray:
        """The numbers of the marked images, boolean (n,), one of each file."""
        marked = np.flatnonzero(rows)
        return marked[np.sort(np.unique(self.path_codes[marked], return_index=True)[1])]

    def image_finding(self, value: str, row: int, *, stack: bool = True) -> Finding:
        """A finding of one image, and of its stack."""
        own = self.stack(self.measures.segment[row]) if stack else None
        return Finding(value, self.paths[row], int(self.frames[row]), own)

    def file_findings(self, values: np.ndarray, wrong: np.ndarray) -> Iterator[Finding]:
        """Findings of the files of marked images (n,), with a text for each (n,); see `counted`.

        Only as many are made as are said.
        """
        rows = self.first_in_file(wrong)
        rows = rows[np.argsort(self.path_codes[rows])]
        texts, number = np.unique(values[rows].astype(str), return_inverse=True)
        for place, text in enumerate(texts.tolist()):
            own = rows[number == place]
            if len(own) > MAX_ALIKE:
                yield Finding(text, self.paths[own[0]], times=len(own))
            else:
                yield from (Finding(text, self.paths[row]) for row in own)

    def has(self, *keywords: str) -> np.ndarray:
        """Which images (n,) have one of some elements; an empty sequence is none."""
        given = [
            (self.measures.codes(word) >= 0) & (self.measures.numbers(word) != 0)
            for word in keywords
        ]
        return np.logical_or.reduce(given)

    # stacks

    def stack(self, number: int) -> Stack:
        """The entry of the index of `helpers.stack_table` of a stack, by its number here."""
        uid, own = self.measures.stacks[number]
        return uid, int(own)

    def stack_finding(self, value: str, number: int) -> Finding:
        """A finding of one stack."""
        return Finding(value, stack=self.stack(number))

    @cached_property
    def cross_sectional(self) -> np.ndarray:
        """Which stacks (s,) are of CT, MR or PET (PS3.4 B.5), scouts among them."""
        classes = pd.Series(self.measures.first_of("SOPClassUID"), dtype=object)
        modality = pd.Series(self.measures.first_of("Modality"), dtype=object)
        unknown = classes.isna() & modality.isin(CROSS_SECTIONAL_MODALITIES)
        usable = ~self.measures.any_of(self.unusable)
        return (classes.isin(CROSS_SECTIONAL) | unknown).to_numpy() & usable

    @cached_property
    def sections(self) -> np.ndarray:
        """Which stacks (s,) are slices of CT, MR or PET: no scout, no cine of one place."""
        return self.cross_sectional & (self.measures.kind == "volume")

    @cached_property
    def measured(self) -> np.ndarray:
        """Which stacks (s,) are such slices with several positions in the patient."""
        return self.sections & np.isfinite(self.measures.spacing)

    @cached_property
    def series(self) -> np.ndarray:
        """The number of each stack's series (s,): of one UID, patient, study and series number.

        What has no Series Instance UID is a series in its folder.
        """
        index = self.slices.index
        uid = np.asarray(index.codes[index.names.index("SeriesInstanceUID")])
        words = ("PatientID", "StudyInstanceUID", "SeriesNumber")
        keys = [uid, *map(self.measures.codes, words)]
        if self.without_uid.any():
            folder, own = self.measures.codes("folder"), self.measures.codes("SeriesDescription")
            keys += [np.where(self.without_uid, key, 0) for key in (folder, own)]
        firsts = np.stack(keys, axis=1)[self.measures.starts]
        return np.unique(firsts, axis=0, return_inverse=True)[1].reshape(-1)

    @cached_property
    def without_uid(self) -> np.ndarray:
        """Which images (n,) have no Series Instance UID."""
        index = self.slices.index
        level = index.names.index("SeriesInstanceUID")
        return (index.levels[level] == NO_UID)[np.asarray(index.codes[level])]

    @cached_property
    def groups(self) -> list[tuple[np.ndarray, tuple[str, ...]]]:
        """Groups of several stacks of slices that lie alike: (their numbers, what cut them)."""
        stacks = np.flatnonzero(self.sections)
        group = self.measures.first_of("group")[stacks].astype(int)
        keys = self.series[stacks] * (group.max(initial=0) + 1) + group
        keywords = self.measures.first_of("split_keyword")
        return [(own, _reasons(keywords[own])) for own in several_of(stacks, keys)]

    def group_findings(self, values: dict[int, str]) -> Iterator[Finding]:
        """Findings of stacks, from their number and value; sister stacks of one value once."""
        stacks = np.array(list(values), int)
        groups = self.measures.first_of("group")[stacks]
        sisters: dict[tuple[int, int, str], list[int]] = {}
        for stack, group, value in zip(stacks.tolist(), groups, values.values()):
            sisters.setdefault((int(self.series[stack]), group, value), []).append(stack)
        for (_, _, value), own in sisters.items():
            again = f", in {len(own)} stacks" if len(own) > 1 else ""
            yield self.stack_finding(value + again, own[0])

    def several(self, codes: np.ndarray) -> np.ndarray:
        """Which stacks (s,) have several values, from codes (n,) with -1 for a missing one."""
        if not len(codes):
            return np.zeros(0, bool)
        known = np.where(codes < 0, codes.max() + 1, codes)
        starts = self.measures.starts
        return np.minimum.reduceat(known, starts) < np.maximum.reduceat(codes, starts)


def _references(file: tuple[str, tuple[str, ...]]) -> list[Reference]:
    return references_of(*file)


def several_of(items: np.ndarray, keys: np.ndarray) -> list[np.ndarray]:
    """The items (m,) of each key (m,) that several have, in their order."""
    counts = np.bincount(keys)[keys] if len(keys) else keys
    kept = np.flatnonzero(counts > 1)
    if not len(kept):
        return []
    order = kept[np.argsort(keys[kept], kind="stable")]
    return np.split(items[order], np.flatnonzero(np.diff(keys[order])) + 1)


def _reasons(keywords: np.ndarray) -> tuple[str, ...]:
    """The distinct elements that some splits name, in their order."""
    texts = [keyword for keyword in keywords if isinstance(keyword, str)]
    named = [word for keyword in texts for word in keyword.split(", ")]
    return tuple(dict.fromkeys(named))
