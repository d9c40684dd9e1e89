"""Are the objects here that others refer to? Rules on segmentations, reports and plans."""

from collections.abc import Iterator

import numpy as np

from helpers.headers.references import references_of, sequences_of
from helpers.quality.rules import Collection, Finding, Rule, rule, said_once
from helpers.runtime import in_threads_if_slow

DEFLATED = "1.2.840.10008.1.2.1.99"  # its beginning cannot be read without all of it
MAX_NAMED_SERIES = 2

REFERENCE_RULES: dict[str, Rule] = {}


@rule(
    REFERENCE_RULES,
    "warning",
    effect="What it outlines, marks or reports cannot be seen on its images.",
    clause="PS3.3 C.12.2, C.17.2, C.8.8.5",
    remedy="Add what is named to the folder, and read it again.",
)
def missing_references(collection: Collection) -> Iterator[Finding]:
    """Segmentations, structures, doses, reports and the like whose images, or plans, are not here.

    Of these files, and of no other, the beginning of the header is read again.
    """
    classes = collection.column("SOPClassUID")
    lists = {uid: sequences_of(uid) for uid in classes.dropna().unique()}
    with_lists = classes.isin([uid for uid, sequences in lists.items() if sequences])
    deflated = collection.headers["TransferSyntaxUID"] == DEFLATED
    rows = np.flatnonzero((with_lists & ~deflated).to_numpy() & collection.readable)
    files = [(collection.headers.index[row], lists[classes.iloc[row]]) for row in rows]
    here = set(collection.column("SOPInstanceUID").dropna()) if files else set()
    findings = []
    for (path, _), found in zip(files, in_threads_if_slow(_references, files)):
        missing = [one for one in found if one.instance not in here]
        if missing:
            findings.append(Finding(_value(found, missing), path))
    yield from said_once(findings)


def _references(file):
    return references_of(*file)


def _value(found, missing):
    """How many of the references are not here, and in which series they would be."""
    series = dict.fromkeys(one.series for one in missing if one.series)
    named = ", ".join([*series][:MAX_NAMED_SERIES])
    more = f" and {len(series) - MAX_NAMED_SERIES} more" if len(series) > MAX_NAMED_SERIES else ""
    where = f"in series {named}{more}" if series else f"first {missing[0].instance}"
    what = f"{len(found)} object{'s' if len(found) > 1 else ''}, {where}"
    if len(missing) == len(found):
        return f"nothing that it refers to is here; {what}"
    return f"a part of what it refers to is not here; {len(missing)} of {what}"
