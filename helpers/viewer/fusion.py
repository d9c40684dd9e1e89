"""How does one volume look on another: a PET on its CT, a dose on the CT that it was planned on?"""

import pandas as pd

from helpers.slices.stacks import checked_slices, stack_table
from helpers.viewer.browse import StaticViewer, volume_viewer, with_remark
from helpers.viewer.choices import Choices
from helpers.viewer.opening import Opener, Wanted
from helpers.viewer.static_text import StaticText
from helpers.viewer.volume_browser import VolumeBrowser

NOTHING_OVER = (
    "Nothing to lay over anything: no PET, nuclear volume or dose of this collection shares a "
    "frame of reference with other slices of its patient."
)


def browse_fused(slices: pd.DataFrame) -> "VolumeBrowser | StaticViewer | StaticText":
    """A viewer of the first volume over which another of its patient lies, with that in colour.

    A PET is in SUV where its headers allow it, else as it is stored, and a line says why. Where
    nothing shares a Frame of Reference UID, or nothing that does can be loaded, a line says that.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`

    References
    ----------
    PS3.3 C.7.4.1: what shares a Frame of Reference UID shares its millimetres.
    """
    choices, why = Choices(slices, stack_table(checked_slices(slices))), []
    for base in choices.stacks.index[choices.is_volume]:
        for _, layer in choices.layers_for(base)[1:]:
            wanted = Wanted(choices.patient_of(base), base, over=layer, as_suv=True)
            opened = Opener(choices).open(wanted)
            if opened.volume is not None and "over" in opened.options:
                volume = with_remark(opened.volume, opened.message)
                return volume_viewer(volume, over=opened.options["over"])
            why.append(opened.message)
    return StaticText(why[0] if why else NOTHING_OVER)
