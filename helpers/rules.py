"""What is a rule of the audit, and what does it look at?"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.decoders import decoder_table
from helpers.images import is_image
from helpers.series import usual_gap
from helpers.stacks import all_stacks
from helpers.statistics import pixel_table

SLICED = [f"1.2.840.10008.5.1.4.1.1.{kind}" for kind in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")]
SEVERITIES = ("error", "warning", "note")  # the worst first


class Rule(NamedTuple):
    """Something that can be wrong."""

    name: str
    severity: str  # error: a picture or number is wrong or missing; warning: it may be; note: good to know
    effect: str  # what it does to a picture or a number
    clause: str  # where the standard speaks of it
    remedy: str  # what to do
    find: object  # function of a Case; yields (path, (path, frame) or None, stack or None, text)


def rule(registry, severity, *, effect, clause, remedy):
    """Puts the function below into a registry, as a rule of its name."""

    def put(find):
        name = find.__name__.replace("_", "-")
        registry[name] = Rule(name, severity, effect, clause, remedy, find)
        return find

    return put


class Case:
    """A collection as the rules see it: its rows, its stacks, each worked out once."""

    def __init__(self, headers):
        self.headers = headers
        self.readable = headers["error"].isna().to_numpy()
        self.image = is_image(headers)

    def column(self, keyword):
        """A column as a Series; empty values where the table has none."""
        return self.headers[keyword] if keyword in self.headers else pd.Series(None, self.headers.index, dtype=object)

    def having(self, keyword):
        """Which rows (n,) have a value."""
        return self.column(keyword).notna().to_numpy()

    @cached_property
    def sliced(self):
        """Which rows (n,) are images of a kind that has a place in the patient: CT, MR, PET (PS3.4 B.5)."""
        return self.image & self.column("SOPClassUID").isin(SLICED).to_numpy()

    @cached_property
    def stacks(self):
        """A dict of (Series Instance UID, number) to (slices in order, why the series was split), of CT, MR, PET."""
        known = self.headers if "SOPClassUID" not in self.headers else self.headers[self.sliced | ~self.image]
        return {(uid, number): (slices, split_by) for uid, number, slices, split_by in all_stacks(known)}

    @cached_property
    def series(self):
        """A dict of Series Instance UID to its stacks, the largest first: lists of (stack, slices, why split)."""
        grouped = {}
        for stack, (slices, split_by) in self.stacks.items():
            grouped.setdefault(stack[0], []).append((stack, slices, split_by))
        return grouped

    @cached_property
    def measured(self):
        """A dict of stack to (slices of distinct positions, their gaps in mm, the usual gap), where position gave the order."""
        found = {}
        for stack, (slices, _) in self.stacks.items():
            if len(slices) > 1 and slices["order_grade"].iloc[0] == "A":
                distinct = slices[~slices["repeated"].to_numpy()]
                gaps = np.diff(distinct["position_mm"].to_numpy(float))
                found |= {stack: (distinct, gaps, usual_gap(gaps))} if len(gaps) else {}
        return found

    @cached_property
    def no_decoders(self):
        """A dict of the transfer syntaxes that nothing here decodes: name, and what to install."""
        table = decoder_table(self.headers)
        missing = table[~table["decodable"]]
        return dict(zip(missing.index, missing["name"] + ": " + missing["install"]))

    @cached_property
    def syntax(self):
        """A dict of path to transfer syntax."""
        return self.column("TransferSyntaxUID").to_dict()

    @cached_property
    def is_ct(self):
        """Which images (of `pixels`) are CT."""
        return (self.column("Modality")[self.image] == "CT").to_numpy()

    @cached_property
    def pixels(self):
        """The table of `helpers.statistics.pixel_table`."""
        return pixel_table(self.headers)

    def pixels_of(self, slices):
        """The rows of `pixels` for some slices, in their order."""
        return self.pixels.iloc[[self._places[key] for key in _keys(slices)]]

    @cached_property
    def ct_stacks(self):
        """A dict of CT stacks to their rows of `pixels`, those that could be decoded and have a place in the patient."""
        ct = {stack: slices for stack, (slices, _) in self.stacks.items() if (slices["Modality"] == "CT").all()}
        found = {stack: self.pixels_of(slices) for stack, slices in ct.items()}
        decoded = {stack: pixels[pixels["histogram"].notna().to_numpy()] for stack, pixels in found.items()}
        return {stack: pixels for stack, pixels in decoded.items() if len(pixels)}

    @cached_property
    def _places(self):
        return {key: place for place, key in enumerate(_keys(self.headers[self.image]))}


def _keys(rows):
    """What tells images apart: (path, frame)."""
    return zip(rows.index, rows["frame"].fillna(0) if "frame" in rows else np.zeros(len(rows)))
