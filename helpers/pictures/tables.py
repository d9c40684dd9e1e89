"""How does a table look that has no row? As one line of text, which says what that means."""

import pandas as pd

from helpers.errors import require_type


class Line:
    """A line of text in a notebook's output, without quotation marks around it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def table_or_line(table: pd.DataFrame, line: str) -> pd.DataFrame | Line:
    """The table as it is; where it has no row, a line of text in its place.

    Parameters
    ----------
    line : what it means that there is no row, such as "Every file could be read."

    Examples
    --------
    >>> table_or_line(pd.DataFrame(columns=["error"]), "Every file could be read.")
    Every file could be read.
    """
    require_type(table, pd.DataFrame, "whose rows are shown")
    return table if len(table) else Line(line)
