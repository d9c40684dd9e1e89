"""What is said to people where something cannot be done?"""


class ClearError(Exception):
    """An error meant for people: a notebook shows it as one line, without a traceback.

    Its text says what was expected, what was found, where, and how to go on.
    """

    def _render_traceback_(self):
        """Lines that IPython prints in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class WrongTypeError(ClearError, TypeError):
    """A value of another kind than is needed."""


def require_type(value, kind, where_from):
    """Refuses a value that is no `kind` (a type, or a tuple of them), in one line that says where to take the right one from."""
    if not isinstance(value, kind):
        names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise WrongTypeError(f"expected a {names} ({where_from}), got {type(value).__name__}")
