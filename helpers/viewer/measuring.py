"""How does a viewer keep what is measured in it? As a trait, a table and answers to the browser."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import traitlets

from helpers.errors import ClearError
from helpers.viewer.measurements import Measurement


class Measuring(traitlets.HasTraits):
    """What the viewers of volumes and of images have for measuring.

    ``measured``: what is drawn on the pictures, as `helpers.viewer.measurements` describes; can be
    set and observed, and ``[]`` takes all of it away. A viewer says how it is checked, where
    measurements from Python go, what their table is, and which values lie in an area.
    """

    measured = traitlets.List(traitlets.Dict()).tag(sync=True)

    @property
    def measurements(self) -> pd.DataFrame:
        """A row for each measurement, with its values: see `helpers.viewer.measurements`."""
        return self._measurement_table()

    def measure(self, kind: str, points: Sequence[Sequence[float]]) -> pd.Series:
        """Measures on what is shown, draws it there, and returns its row of `measurements`.

        Parameters
        ----------
        kind : {"distance", "angle", "rectangle", "ellipse"}
        points : of a volume (x, y, z) in LPS mm; of an image (row, column) of its pixels. A
            distance has two, an angle three with its corner in the middle, a rectangle and an
            ellipse two opposite corners.

        Raises
        ------
        MeasurementError, PlaneError
        """
        self.measured = [*self.measured, self._new_measurement(kind, points)]
        return self.measurements.iloc[-1]

    @traitlets.validate("measured")
    def _checked_measurements(self, proposal: Any) -> list[dict[str, Any]]:
        return [self._checked_measurement(item) for item in proposal.value]

    def _statistics(self, content: dict[str, Any]) -> dict[str, Any]:
        """The answer to a browser that asks for the values in an area; no number is NaN there."""
        try:
            found = self._values_in(self._checked_measurement(content["item"]), content)
        except ClearError:  # an image that cannot be decoded says so itself
            found = None
        if found is not None:
            found = {name: one if np.isfinite(one or 0) else None for name, one in found.items()}
        return {"type": "measured", "key": content["key"], "statistics": found}

    def _new_measurement(self, kind: str, points: Any) -> dict[str, Any]:
        raise NotImplementedError

    def _checked_measurement(self, item: Measurement) -> dict[str, Any]:
        raise NotImplementedError

    def _measurement_table(self) -> pd.DataFrame:
        raise NotImplementedError

    def _values_in(self, item: Measurement, content: dict[str, Any]) -> dict[str, Any] | None:
        raise NotImplementedError
