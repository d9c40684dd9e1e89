"""What is a rule of the audit, and what is a finding?"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

SEVERITIES = ("error", "warning", "note")  # the worst first
STUDY, COLLECTION = "study", "collection"  # scopes of rules
MAX_ALIKE = 20  # findings of one rule that say the same; more are said once

Stack = tuple[str, int]  # Series Instance UID, number


class Finding(NamedTuple):
    """What a rule found, and where: in a file, in a frame of it, or in a stack."""

    value: str
    path: str | None = None
    frame: int | None = None  # from 0
    stack: Stack | None = None
    remedy: str | None = None  # of this finding, where that of its rule does not say enough
    times: int = 1  # how many that say the same it stands for; see `counted`


class Rule(NamedTuple):
    """Something that can be wrong."""

    name: str
    severity: str  # error: a picture or number is wrong; warning: may be wrong; note: good to know
    effect: str  # what it does to a picture or a number
    clause: str  # where the standard speaks of it
    remedy: str  # what to do
    find: Callable[[Any], Iterator[Finding]]  # of a `helpers.quality.rules.Collection`
    said_once: bool = False  # whether many findings that say the same are one; see `said_once`
    scope: str = STUDY  # what it must see at once: a study with its patient, or the collection

    @property
    def finds(self) -> str:
        """What it finds, in one line: the first of its function's docstring."""
        return (self.find.__doc__ or "").partition("\n")[0]


def rule(
    registry: dict[str, Rule],
    severity: str,
    *,
    said_once: bool = False,
    scope: str = STUDY,
    **words: str,
) -> Callable:
    """Puts the function below into a registry, as a rule of its name.

    Parameters
    ----------
    said_once : whether many findings that say the same are one
    scope : `STUDY`, or `COLLECTION` of a rule that compares files of several studies or patients
    words : ``effect``, ``clause`` and ``remedy`` of `Rule`
    """

    def register(find: Callable) -> Callable:
        name = find.__name__.replace("_", "-")
        registry[name] = Rule(name, severity, find=find, said_once=said_once, scope=scope, **words)
        return find

    return register


def said_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings, those that say the same as one where they are many: the first, which counts them.

    So one habit of who wrote a collection does not bury what is wrong with single files. What
    stands behind a semicolon is of one finding alone.
    """
    for finding in counted(findings):
        what = "files" if finding.path else "stacks"
        said = f"{finding.value}, in {finding.times:,} {what}"
        yield finding if finding.times == 1 else finding._replace(value=said)


def counted(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings, of more than `MAX_ALIKE` that say the same one with their number.

    It is the first by its path, or stack, in whichever order and parts they come.
    """
    alike: dict[str, list[Finding]] = {}
    for finding in findings:
        alike.setdefault(finding.value.partition("; ")[0], []).append(finding)
    for value, own in alike.items():
        times = sum(finding.times for finding in own)
        if times <= MAX_ALIKE:
            yield from own
        else:
            yield min(own, key=_where)._replace(value=value, times=times)


def _where(finding: Finding) -> tuple:
    return finding.path or "", finding.stack or ("", 0)
