"""What does the header of a file say of one of its frames?"""

from pydicom.multival import MultiValue


class FrameHeader:
    """The header of a file as one of its frames sees it: functional groups first (PS3.3 C.7.6.16.2).

    `dataset` is the whole of it; `get` reads one attribute.
    """

    def __init__(self, dataset, frame=0):
        per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
        shared = dataset.get("SharedFunctionalGroupsSequence") or []
        groups = [*per_frame[frame : frame + 1], *shared[:1]]
        macros = [
            macro
            for group in groups
            for macro in group
            if macro.VR == "SQ" and not macro.tag.is_private
        ]
        self.dataset = dataset
        self._places = [*(item for macro in macros for item in macro.value[:1]), *groups, dataset]

    def get(self, keyword, default=None):
        """pydicom's value; `default` where it is missing or empty."""
        found = (place.get(keyword) for place in self._places)
        return next((value for value in found if value not in (None, "")), default)

    def of_frame(self, keyword):
        """Whether the functional groups have it, whatever the file has beside them."""
        return any(place.get(keyword) not in (None, "") for place in self._places[:-1])

    def floats(self, keyword):
        """All values as a tuple of floats; empty where there are none or they are no numbers."""
        value = self.get(keyword, ())
        try:
            return tuple(
                map(float, value if isinstance(value, (MultiValue, tuple, list)) else [value])
            )
        except (TypeError, ValueError):
            return ()

    def number(self, keyword, default):
        """One number.

        Raises
        ------
        ValueError
            For a value that is there and is no number: it is an error, not the default.
        """
        if self.get(keyword) is None:
            return default
        values = self.floats(keyword)
        if len(values) != 1 or not abs(values[0]) < float("inf"):
            raise ValueError(f"expected a number as {keyword}, got {self.get(keyword)!r}")
        return values[0]


class RowHeader(FrameHeader):
    """The same of a file with one image, from its row (a dict of columns) instead of its data set."""

    def __init__(self, row):
        self._row = row

    def get(self, keyword, default=None):
        """The value of the row; `default` where it is missing or empty."""
        value = self._row.get(keyword)
        return default if value is None or value == "" else value


def frame_count(header):
    """Number of Frames; 1 where the header does not say, or says no number."""
    return max(1, int((header.floats("NumberOfFrames") or (1,))[0]))
