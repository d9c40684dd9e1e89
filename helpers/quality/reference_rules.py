"""Are the objects here that others refer to? Rules on segmentations, reports and plans."""

from collections.abc import Iterator

from helpers.quality.findings import Finding, Rule, rule
from helpers.quality.rules import Collection

MAX_NAMED_SERIES = 2

REFERENCE_RULES: dict[str, Rule] = {}


@rule(
    REFERENCE_RULES,
    "warning",
    said_once=True,
    effect="What it outlines, marks or reports cannot be seen on its images.",
    clause="PS3.3 C.12.2, C.17.2, C.8.8.5",
    remedy="Add what is named to the folder, and read it again.",
)
def missing_references(collection: Collection) -> Iterator[Finding]:
    """Segmentations, structures, doses, reports and the like whose images, or plans, are not here.

    Of these files, and of no other, the beginning of the header is read again.
    """
    here = set(collection.column("SOPInstanceUID").dropna()) if collection.references else set()
    here |= collection.elsewhere.keys()
    findings = []
    for path, found in collection.references.items():
        missing = [one for one in found if one.instance not in here]
        if missing:
            findings.append(Finding(_value(found, missing), path))
    yield from findings


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
