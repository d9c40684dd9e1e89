"""What is said to people where something cannot be done?"""

import os
from collections.abc import Sequence
from difflib import get_close_matches

MAX_ERROR_LENGTH = 300  # characters
FROM_A_FOLDER = (
    "from a folder: headers = header_table(folder), slices = slice_table(headers), "
    "volume = load_volume(slices.loc[stack_table(slices).index[0]])"
)


class ClearError(Exception):
    """An error meant for people: a notebook shows it as one line, without a traceback.

    Its text says what was expected, what was found, where, and how to go on.
    """

    def _render_traceback_(self) -> list[str]:
        """Lines that IPython prints in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class WrongTypeError(ClearError, TypeError):
    """A value of another type than is needed."""


def require_type(value: object, kind: type | tuple[type, ...], where_from: str) -> None:
    """Refuses a value that is not of a type, or of one of several, in one clear line.

    In place of a path or a name it says how to come from a folder to what is needed.

    Parameters
    ----------
    where_from : words that say where to take the right value from, such as "of header_table"
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(one.__name__ for one in kinds)
        text = f"expected a {names} ({where_from}), got {type(value).__name__}"
        steps = f"; {FROM_A_FOLDER}" if isinstance(value, (str, os.PathLike)) else ""
        raise WrongTypeError(text + steps)


def wrong_name(wanted: str, names: Sequence[str]) -> str:
    """What is said of a name that is none of some: all of them, and those that are nearest.

    Examples
    --------
    >>> wrong_name("lung", ["body", "lungs"])
    "body, lungs, got 'lung': try lungs"
    """
    known = {name.lower(): name for name in names}
    near = " or ".join(known[name] for name in get_close_matches(wanted.lower(), known, cutoff=0.5))
    return f"{', '.join(names)}, got {wanted!r}{near and f': try {near}'}"


def error_text(error: Exception) -> str:
    """What is said of an exception in a line: the text of a `ClearError`, of others as `one_line`.

    Examples
    --------
    >>> error_text(ClearError("expected a file")), error_text(KeyError("Rows"))
    ('expected a file', "KeyError: 'Rows'")
    """
    return str(error) if isinstance(error, ClearError) else one_line(error)


def one_line(error: Exception) -> str:
    """An exception's class and text, without line breaks, cut where it is long."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_ERROR_LENGTH]
