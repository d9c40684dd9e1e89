"""What does the header of a file say of one of its frames?"""

from collections.abc import Mapping
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue

SEVERAL_VALUES = (MultiValue, tuple, list)


class FrameHeader:
    """The header of a file as one of its frames has it: functional groups first (C.7.6.16.2).

    Parameters
    ----------
    dataset : pydicom's, or a row (a dict of columns) of a file without functional groups
    """

    def __init__(self, dataset: Dataset | Mapping[str, Any], frame: int = 0):
        per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
        shared = dataset.get("SharedFunctionalGroupsSequence") or []
        groups = [*per_frame[frame : frame + 1], *shared[:1]]
        macros = [
            macro
            for group in groups
            for macro in group
            if macro.VR == "SQ" and not macro.tag.is_private
        ]
        self.dataset: Any = dataset
        self._parts = [*(item for macro in macros for item in macro.value[:1]), *groups, dataset]

    def get(self, keyword: str, default: Any = None) -> Any:
        """pydicom's value; `default` where it is missing or empty."""
        for part in self._parts:
            if (value := part.get(keyword)) not in (None, ""):
                return value
        return default

    def of_frame(self, keyword: str) -> bool:
        """Whether the functional groups have it, whatever the file has beside them."""
        return any(group.get(keyword) not in (None, "") for group in self._parts[:-1])

    def floats(self, keyword: str) -> tuple[float, ...]:
        """All values as floats; empty where there are none or they are no numbers."""
        value = self.get(keyword, ())
        try:
            return tuple(map(float, value if isinstance(value, SEVERAL_VALUES) else [value]))
        except (TypeError, ValueError):
            return ()

    def number(self, keyword: str, default: float) -> float:
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


def frame_count(header: FrameHeader) -> int:
    """Number of Frames; 1 where the header does not say, or says no number."""
    return max(1, int((header.floats("NumberOfFrames") or (1,))[0]))
