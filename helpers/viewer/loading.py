"""How is a stack loaded while a person goes on? In the background, until it is not wanted."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from html import escape
from typing import Any

import ipywidgets as widgets

from helpers.errors import ClearError


class CancelledError(ClearError):
    """A load that is no longer wanted."""


class LoadingBar(widgets.VBox):
    """A bar that is seen while something is loaded, a button that ends it, and a line of text.

    ``message.value`` is the text. What is seen of it goes on in a second row where it is long.
    """

    def __init__(self, give_up: Callable[[Any], None]) -> None:
        hidden = {"visibility": "hidden"}
        self.bar = widgets.IntProgress(description="Loading", layout=hidden)
        self.cancel = widgets.Button(description="Cancel", layout=hidden)
        self.message, self._seen = widgets.Label(), widgets.HTML()
        self.message.observe(self._show_message, "value")
        self.cancel.on_click(give_up)
        super().__init__([widgets.HBox([self.bar, self.cancel]), self._seen])

    def begin(self, total: int) -> None:
        """Shows an empty bar of so many steps."""
        self.bar.value, self.bar.max = 0, total
        self.show("visible")

    def show(self, visibility: str) -> None:
        """Shows or hides bar and button."""
        self.bar.layout.visibility = self.cancel.layout.visibility = visibility

    def _show_message(self, change: Any) -> None:
        self._seen.value = escape(change.new)


class Load(threading.Thread):
    """Something that is being loaded. Called, it is the progress bar that `load_volume` wants.

    Parameters
    ----------
    wanted : what is loaded
    work : is given this object, and looks at ``cancelled`` before it shows what it has
    """

    def __init__(self, wanted: Any, work: Callable[["Load"], None], bar: LoadingBar) -> None:
        super().__init__(target=work, args=(self,), daemon=True)
        self.wanted, self.cancelled, self._bar = wanted, threading.Event(), bar

    def goes_on(self) -> bool:
        """Whether it is still wanted and not yet done."""
        return self.is_alive() and not self.cancelled.is_set()

    def __call__(self, *, desc: str, total: int) -> "nullcontext[Load]":
        """Begins the bar."""
        self._bar.begin(total)
        return nullcontext(self)

    def update(self, number: int) -> None:
        """Moves the bar on; ends the load that is no longer wanted."""
        if self.cancelled.is_set():
            raise CancelledError("cancelled")
        self._bar.bar.value += number
