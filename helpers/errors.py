"""What is said to people where something cannot be done?"""

MAX_ERROR_LENGTH = 300  # characters


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

    Parameters
    ----------
    where_from : words that say where to take the right value from, such as "of header_table"
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(one.__name__ for one in kinds)
        raise WrongTypeError(f"expected a {names} ({where_from}), got {type(value).__name__}")


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
