"""What is wrong here, and what does it do to a picture or a number? Finds; never repairs."""

import os

import pandas as pd

from helpers.errors import WrongTypeError, require_type
from helpers.quality.file_rules import FILE_RULES
from helpers.quality.pixel_rules import PIXEL_RULES
from helpers.quality.rules import SEVERITIES, Case
from helpers.quality.series_rules import SERIES_RULES
from helpers.quality.stack_rules import STACK_RULES
from helpers.slices.frames import frame_table
from helpers.slices.images import MissingColumnError

RULES = {**FILE_RULES, **SERIES_RULES, **STACK_RULES, **PIXEL_RULES}
NAMED_RULES = 3  # on a badge
COLUMNS = ["rule", "severity", "path", "frame", "stack", "value", "effect", "clause", "remedy"]


def audit(headers, *, pixels=False):
    """One row per finding, the worst first; nothing is repaired.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.frame_table`
        Multi-frame objects in the former are looked at frame by frame all the same.
    pixels : bool
        Also decodes every image, one at a time, and looks at its values; slower by far.

    Returns
    -------
    DataFrame with columns ``rule`` (of `RULES`), ``severity`` (error, warning, note), ``path`` (None for a whole
        stack), ``frame`` (from 0, where the finding is about one image), ``stack`` (an entry of the index of
        `helpers.stack_table`, or None for a file), ``value`` (what was found), ``effect``, ``clause`` (of
        the standard) and ``remedy``. Take the columns as ``findings["stack"]``: some names are pandas' own too.
    """
    require_type(headers, pd.DataFrame, "of header_table")
    if headers.attrs.get("keywords") is not None:
        raise MissingColumnError(
            "expected a header table with all keywords, got one made with keywords=: read it without"
        )
    case = Case(headers if "frame" in headers else frame_table(headers))
    rules = {name: rule for name, rule in RULES.items() if pixels or name not in PIXEL_RULES}
    found = [
        (
            rule.name,
            rule.severity,
            *_place(place),
            stack,
            value,
            rule.effect,
            rule.clause,
            rule.remedy,
        )
        for severity in SEVERITIES
        for rule in rules.values()
        if rule.severity == severity
        for place, stack, value in rule.find(case)
    ]
    return pd.DataFrame(
        dict(zip(COLUMNS, zip(*found))) if found else {}, columns=COLUMNS, dtype=object
    )


def badge(findings, stack, slices):
    """What a picture of a stack should warn of, in a few words for `helpers.show_slice`; empty where nothing is.

    Parameters
    ----------
    findings : DataFrame of `audit`
    stack : an entry of the index of `helpers.stack_table`
    slices : its rows
    """
    rows = zip(findings["rule"], findings["severity"], findings["path"], findings["stack"])
    about = [
        rule
        for rule, severity, path, own in rows
        if severity != "note" and (own == stack or path in slices.index)
    ]
    rules = list(dict.fromkeys(about))
    more = f" and {len(rules) - NAMED_RULES} more" if len(rules) > NAMED_RULES else ""
    return "! " + ", ".join(rules[:NAMED_RULES]) + more if rules else ""


def _place(place):
    """(path or None, frame or None) of what a rule yields."""
    return place if isinstance(place, tuple) else (place, None)


def score(findings, truth):
    """How well findings agree with what is known to be there, per rule.

    Parameters
    ----------
    findings : DataFrame of `audit`
    truth : DataFrame of `helpers.write_phantom`, with ``rule``, ``path`` and ``stack``; a row without
        path is found by its stack, one with a path by the end of the file's path

    Returns
    -------
    DataFrame, index ``rule``: ``planted``, ``found``, ``missed``, ``false_alarms`` and ``recall`` (missing
        where nothing was planted)
    """
    for table in (findings, truth):
        require_type(table, pd.DataFrame, "of audit, and of write_phantom")
        if not {"rule", "path", "stack"} <= set(table):
            raise WrongTypeError(
                f"expected columns rule, path and stack, got {', '.join(map(str, table))}"
            )
    rows = []
    for name in dict.fromkeys([*RULES, *truth["rule"], *findings["rule"]]):
        ours, planted = findings[findings["rule"] == name], truth[truth["rule"] == name]
        if len(ours) or len(planted):
            known, hits, right = _matches(ours, planted)
            rows.append(
                (
                    name,
                    known,
                    hits,
                    known - hits,
                    len(ours) - right,
                    hits / known if known else None,
                )
            )
    columns = ["rule", "planted", "found", "missed", "false_alarms", "recall"]
    return pd.DataFrame(rows, columns=columns).set_index("rule").astype({"recall": float})


def _matches(findings, truth):
    """(files and series in the truth, how many of them were found, how many findings are about one of them)."""
    paths, stacks = (
        set(truth["path"].dropna()),
        set(map(_series, truth["stack"][truth["path"].isna()])),
    )
    ends = [_end_in(path, paths) for path in findings["path"]]
    series = [_series(stack) for stack in findings["stack"]]
    right = [end is not None or one in stacks for end, one in zip(ends, series)]
    return len(paths) + len(stacks), len(paths & set(ends)) + len(stacks & set(series)), sum(right)


def _series(stack):
    return stack[0] if isinstance(stack, tuple) else stack


def _end_in(path, paths):
    """The entry of `paths` that a path ends in, or None."""
    parts = path.split(os.sep) if isinstance(path, str) else []
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((end for end in ends if end in paths), None)
