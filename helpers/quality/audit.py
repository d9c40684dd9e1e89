"""What is wrong here, and what does it do to a picture or a number? Finds; never repairs."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any

import pandas as pd

from helpers.errors import WrongTypeError, require_type
from helpers.quality.encoding_rules import ENCODING_RULES
from helpers.quality.file_rules import FILE_RULES
from helpers.quality.findings import SEVERITIES, Finding, Rule, Stack, said_once
from helpers.quality.identity_rules import IDENTITY_RULES
from helpers.quality.label_pixel_rules import LABEL_PIXEL_RULES
from helpers.quality.label_rules import LABEL_RULES
from helpers.quality.modality_rules import MODALITY_RULES
from helpers.quality.naming_rules import NAMING_RULES
from helpers.quality.pixel_rules import PIXEL_RULES
from helpers.quality.reference_rules import REFERENCE_RULES
from helpers.quality.rules import Collection
from helpers.quality.series_rules import SERIES_RULES
from helpers.quality.stack_rules import STACK_RULES
from helpers.slices.arrays import paths_of
from helpers.slices.images import (
    MANDATORY_KEYWORDS,
    MIN_MANDATORY_SHARE,
    MissingColumnError,
    checked_headers,
    has_few_keywords,
    is_image,
)
from helpers.slices.stacks import checked_slices
from helpers.slices.table import slice_table

RULES: dict[str, Rule] = {
    **FILE_RULES,
    **ENCODING_RULES,
    **IDENTITY_RULES,
    **SERIES_RULES,
    **STACK_RULES,
    **NAMING_RULES,
    **MODALITY_RULES,
    **REFERENCE_RULES,
    **LABEL_RULES,
    **PIXEL_RULES,
    **LABEL_PIXEL_RULES,
}
NEED_PIXELS = {**PIXEL_RULES, **LABEL_PIXEL_RULES}
COLUMNS = ["rule", "severity", "path", "frame", "stack", "value", "effect", "clause", "remedy"]
MAX_NAMED_RULES = 3  # on a badge

JUDGED_KEYWORDS = [  # without one of these, rules would call missing what was not asked for
    *("SOPClassUID", "SOPInstanceUID", "PatientID", "Modality", "InstanceNumber"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("StudyInstanceUID", "SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation"),
    *("BitsAllocated", "BitsStored"),
]


def audit(
    headers: pd.DataFrame,
    slices: pd.DataFrame | None = None,
    *,
    pixels: bool = False,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """One row per finding, the worst first; nothing is repaired.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    slices : DataFrame of `helpers.slice_table` for these headers; None makes it
    pixels : bool
        Also decodes every image and looks at its values; slower by far.
    executor : concurrent.futures.Executor, or None
        Decodes the images, as `helpers.pixel_table` takes it; None decodes them here, in threads
        where that takes long.

    Returns
    -------
    DataFrame with columns ``rule`` (of `RULES`), ``severity`` (error, warning, note), ``path``
        (None for a whole stack), ``frame`` (from 0, where the finding is about one image),
        ``stack`` (an entry of the index of `helpers.stack_table`, or None for a file), ``value``
        (what was found; where one file has it several times, the first, and how many more),
        ``effect``, ``clause`` (of the standard) and ``remedy``. Take the columns
        as ``findings["stack"]``: some names are pandas' own too.

    Raises
    ------
    MissingColumnError
        Where images were read with ``keywords=`` that leave out what the rules judge.
    """
    check_columns(checked_headers(headers))
    if slices is None:
        slices = slice_table(headers, executor=executor)
    collection = Collection(headers, checked_slices(slices), executor)
    rules = [rule for rule in RULES.values() if pixels or rule.name not in NEED_PIXELS]
    rules.sort(key=lambda rule: SEVERITIES.index(rule.severity))
    found = [
        {"rule": rule.name, **rule._asdict(), **finding._asdict()}
        | {"remedy": finding.remedy or rule.remedy}
        for rule in rules
        for finding in once_per_file(findings_of(rule, collection))
    ]
    return pd.DataFrame(found, columns=COLUMNS, dtype=object)


def findings_of(rule: Rule, collection: Collection) -> Iterable[Finding]:
    """What a rule finds; many findings that say the same as one, where it is so asked for."""
    found = rule.find(collection)
    return said_once(found) if rule.said_once else found


def once_per_file(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of a rule, those of one file as one: the first, which counts the others."""
    of_file: dict[Any, list[Finding]] = {}
    for number, finding in enumerate(findings):
        of_file.setdefault(finding.path or number, []).append(finding)
    for first, *others in of_file.values():
        more = f", and {len(others)} more in this file" if others else ""
        yield first._replace(value=first.value + more)


def check_columns(headers: pd.DataFrame) -> None:
    """Refuses images whose headers were read with few ``keywords=``.

    What was not asked for is not missing from a file, and no rule must say that it is. A table
    shows it by `has_few_keywords`; in a table put together of several, an image shows it that
    lacks most of the values that every image has.

    Raises
    ------
    MissingColumnError
    """
    rows, asked_for = headers[is_image(headers)], set(headers)
    if not has_few_keywords(headers):
        mandatory = rows.reindex(columns=MANDATORY_KEYWORDS).notna()
        rows = rows[(mandatory.mean(axis=1) < MIN_MANDATORY_SHARE).to_numpy()]
        asked_for = set(rows.columns[rows.notna().any()])
    missing = [keyword for keyword in JUDGED_KEYWORDS if keyword not in asked_for]
    if len(rows) and missing:
        raise MissingColumnError(
            f"expected headers read with all keywords, got {len(rows)} of {len(headers)} without "
            f"{', '.join(missing)}: read them without keywords="
        )


def badge(findings: pd.DataFrame, stack: Stack, slices: pd.DataFrame) -> str:
    """What a picture of a stack should warn of, for `helpers.show_slice`; empty for nothing.

    Parameters
    ----------
    findings : DataFrame of `audit`
    stack : an entry of the index of `helpers.stack_table`
    slices : its rows of `helpers.slice_table`
    """
    own_paths = set(paths_of(slices))
    found = _badges(findings, lambda path, own: [stack][: own == stack or path in own_paths])
    return found.get(stack, "")


def stack_badges(findings: pd.DataFrame, slices: pd.DataFrame) -> dict[Stack, str]:
    """What the pictures of each stack should warn of, of those that should; as `badge`.

    Parameters
    ----------
    findings : DataFrame of `audit`
    slices : DataFrame of `helpers.slice_table`
    """
    named = slices.index[slices.index.isin(set(findings["path"].dropna()), level="path")]
    stacks: dict[str, set[Stack]] = {}
    for series, number, path, _ in named:
        stacks.setdefault(path, set()).add((series, number))
    return _badges(findings, lambda path, stack: {stack, *stacks.get(path, ())} - {None})


def badges(findings: pd.DataFrame, slices: pd.DataFrame) -> dict[str, str]:
    """What the picture of each image should warn of, by the path of its file; as `badge`.

    Parameters
    ----------
    findings : DataFrame of `audit`
    slices : rows of `helpers.slice_table`, of any stacks
    """
    index = slices.index.droplevel(["path", "frame"])
    paths: dict[object, dict[str, None]] = {path: {path: None} for path in paths_of(slices)}
    for stack, path in zip(index, paths_of(slices)):
        paths.setdefault(stack, {})[path] = None
    return _badges(findings, lambda path, stack: paths.get(stack if path is None else path, {}))


def score(findings: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """How well findings agree with what is known to be there, per rule.

    Parameters
    ----------
    findings : DataFrame of `audit`
    truth : DataFrame of `helpers.write_phantom`, with ``rule``, ``path`` and ``stack``; a row
        without path is found by its series, one with a path by the end of the file's path

    Returns
    -------
    DataFrame, index ``rule``: ``planted``, ``found``, ``missed``, ``false_alarms`` and ``recall``
        (missing where nothing was planted)
    """
    for table in (findings, truth):
        require_type(table, pd.DataFrame, "of audit, and of write_phantom")
        if not {"rule", "path", "stack"} <= set(table):
            got = ", ".join(map(str, table))
            raise WrongTypeError(f"expected columns rule, path and stack, got {got}")
    named = dict.fromkeys([*truth["rule"], *findings["rule"]])
    rules = [
        *(rule for rule in RULES if rule in named),
        *(rule for rule in named if rule not in RULES),
    ]
    rows = [
        _score(findings[findings["rule"] == rule], truth[truth["rule"] == rule]) for rule in rules
    ]
    columns = ["planted", "found", "missed", "false_alarms", "recall"]
    index = pd.Index(rules, name="rule", dtype=object)
    return pd.DataFrame(rows, index, columns).astype({"recall": float})


def _badges(findings: pd.DataFrame, owners: Callable[[Any, Any], Iterable[Any]]) -> dict[Any, str]:
    """The words for each of what `owners` gives for the path and the stack of a finding."""
    rules: dict[Any, dict[str, None]] = {}
    rows = zip(findings["rule"], findings["severity"], findings["path"], findings["stack"])
    for rule, severity, path, stack in rows:
        for owner in owners(path, stack) if severity != "note" else ():
            rules.setdefault(owner, {})[rule] = None
    return {owner: _badge([*own]) for owner, own in rules.items()}


def _badge(rules: list[str]) -> str:
    more = f" and {len(rules) - MAX_NAMED_RULES} more" if len(rules) > MAX_NAMED_RULES else ""
    return f"! {', '.join(rules[:MAX_NAMED_RULES])}{more}" if rules else ""


def _score(findings, truth):
    """One row of `score`."""
    paths = set(truth["path"].dropna())
    series = set(map(_series, truth["stack"][truth["path"].isna()]))
    matches = [
        _end_in(path, paths) or (_series(stack) if _series(stack) in series else None)
        for path, stack in zip(findings["path"], findings["stack"])
    ]
    planted, found = len(paths) + len(series), len({*matches} - {None})
    recall = found / planted if planted else None
    return planted, found, planted - found, matches.count(None), recall


def _series(stack):
    return stack[0] if isinstance(stack, tuple) else stack


def _end_in(path: str | None, paths: Iterable[str]) -> str | None:
    """The entry of `paths` that a path ends in, or None."""
    parts = path.split(os.sep) if isinstance(path, str) else []
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((end for end in ends if end in paths), None)
