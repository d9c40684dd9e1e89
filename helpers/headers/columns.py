"""How do rows become columns? Gathers the rows of files into a table, column by column."""

import pandas as pd
from pydicom.datadict import tag_for_keyword

ALWAYS = ["error", "file_size", "pixel_offset", "TransferSyntaxUID", "private_elements"]
EXACT_INTEGER = 2**53  # integers up to it are exact as floats
AT_ONCE = 500  # rows gathered before they are turned into columns
ABSENT = object()  # where a file lacks an element; None is one that is there and empty


class Columns:
    """Values of a growing number of rows: a list per column, `ABSENT` where a row does not have it.

    Far smaller than the rows: they share their values, and are let go as they come.
    """

    def __init__(self, lists=None, length=0):
        self._lists = lists or {}
        self._length = length
        self._rows = []

    def __len__(self):
        return self._length + len(self._rows)

    def add(self, rows):
        """Takes more rows, each a dict."""
        self._rows += rows
        if len(self._rows) >= AT_ONCE:
            self._turn()

    def lists(self):
        """A dict of column to list of values: keywords in the order of their tags, private elements, then `ALWAYS`."""
        self._turn()
        met = self._lists.keys() - set(ALWAYS)
        in_order = sorted(met, key=lambda name: (tag_for_keyword(name) or float("inf"), name))
        return {name: self._lists.get(name) or [ABSENT] * len(self) for name in in_order + ALWAYS}

    def take(self, places):
        """Only these rows, in this order, with the columns that one of them has."""
        places = list(places)
        if places == list(range(len(self))):
            return self
        taken = {name: [values[place] for place in places] for name, values in self.lists().items()}
        return Columns(
            {name: values for name, values in taken.items() if set(values) - {ABSENT}}, len(places)
        )

    def table(self, paths):
        """The DataFrame, its index the paths."""
        return table_of({name: column_of(values) for name, values in self.lists().items()}, paths)

    def _turn(self):
        """Turns the rows into columns; done again from the start where it was interrupted half-way."""
        rows, length = list(self._rows), self._length + len(self._rows)
        for values in self._lists.values():
            del values[self._length :]
        for name in {name for row in rows for name in row}:
            values = self._lists.setdefault(name, [])
            values += [ABSENT] * (self._length - len(values))
            values += [row.get(name, ABSENT) for row in rows]
        for values in self._lists.values():
            values += [ABSENT] * (length - len(values))
        self._rows, self._length = [], length


def column_of(values):
    """A Series of plain values: numbers where all are numbers and none loses by it, else objects."""
    kinds = set(map(type, values))
    if type(ABSENT) in kinds:
        return column_of([None if value is ABSENT else value for value in values])
    kinds -= {type(None)}
    if not kinds or not kinds <= {int, float} or (int in kinds and any_inexact(values)):
        return pd.Series(values, dtype=object)
    whole = kinds == {int} and None not in values
    return pd.Series(values, dtype="int64" if whole else "float64")


def any_inexact(values):
    """Whether an integer is among the numbers that is none as a float."""
    distinct = set(values)
    return any(type(value) is int and abs(value) > EXACT_INTEGER for value in distinct)


def table_of(columns, paths):
    """The DataFrame of columns (Series or arrays), its index the paths."""
    return pd.DataFrame(columns).set_axis(pd.Index(paths, dtype=object, name="path"))
