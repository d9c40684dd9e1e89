"""A table, drawn. Each function takes the table first and returns the Axes it drew on."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator

from helpers.pictures.style import ACCENT, QUIET, SECOND

MANY_PATIENTS = 60  # names that fit beside bars
MANY_KEYWORDS = 60
SEVERAL_SCANS = 1.5  # times as many files as the largest stack has slices: there is more than one


def plot_slice_counts(counts, *, ax=None):
    """Draws how many slices there are: files, and the positions of the largest stack behind them.

    Parameters
    ----------
    counts : DataFrame of `helpers.slice_counts`
    """
    ax = ax or plt.figure(figsize=(9, 4.5)).add_subplot()
    if counts.empty:
        ax.set(title="No file to count", xticks=[], yticks=[])
        return ax
    most = counts[["files", "largest_stack"]].to_numpy().max()
    bins = np.linspace(0, 1.02 * most, min(40, max(12, len(counts))))
    ax.hist(counts["files"], bins, color=QUIET, label="files")
    ax.hist(
        counts["largest_stack"],
        bins,
        histtype="step",
        color=ACCENT,
        linewidth=2,
        label="positions of the largest stack",
    )
    median = counts["largest_stack"].median()
    ax.axvline(median, color=SECOND, linestyle="--", label=f"median of these positions: {median:g}")
    ax.set(
        title=f"Slices per {counts.index.name}",
        xlabel="number of files, number of positions",
        ylabel=f"number of {counts.index.name} values",
    )
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    _explain_largest(counts, ax)
    return ax


def _explain_largest(counts, ax):
    """Says what the largest number of files is made of, where it is not one stack."""
    name, row = counts["files"].idxmax(), counts.loc[counts["files"].idxmax()]
    if row["files"] > SEVERAL_SCANS * row["largest_stack"] > 0 and "stacks" in counts:
        text = f"{name}: {row['files']} files,\n{row['stacks']} stacks of at most {row['largest_stack']} slices"
        top = ax.get_ylim()[1]
        arrow = {"arrowstyle": "->", "color": SECOND}
        ax.annotate(
            text,
            (row["files"], 1),
            (row["files"], 0.45 * top),
            ha="right",
            color=SECOND,
            arrowprops=arrow,
            fontsize=9,
        )


def plot_waterfall(counts, *, ax=None):
    """Draws what becomes of the files of a collection, step by step, down to the positions of each largest stack.

    Parameters
    ----------
    counts : DataFrame of `helpers.slice_counts`
    """
    steps = ["files", "readable", "images", "unique_images", "positions", "largest_stack"]
    words = [
        "files",
        "readable",
        "images (frames)",
        "not stored twice",
        "positions, all stacks",
        "positions, largest stacks",
    ]
    totals = counts[steps].sum().to_numpy()
    ax = ax or plt.figure(figsize=(9, 3), layout="constrained").add_subplot()
    ax.barh(range(len(steps)), totals, color=[QUIET, *[ACCENT] * (len(steps) - 1)])
    for place, (total, change) in enumerate(zip(totals, np.diff(totals, prepend=totals[:1]))):
        ax.text(
            total,
            place,
            f" {total:,}" + (f" ({change:+,})" if change else ""),
            va="center",
            fontsize=9,
        )
    ax.set_yticks(range(len(steps)), words)
    ax.set(
        title="From files to slices, the whole collection",
        xlabel="number",
        xlim=(0, 1.2 * max(totals.max(), 1)),
    )
    ax.invert_yaxis()
    return ax


def plot_files_and_positions(counts, *, ax=None):
    """Draws a bar per patient, longest first: files beside distinct positions; where they differ there is something to know."""
    table = counts.sort_values("files")
    ax = ax or plt.figure(figsize=(9, 0.8 + 0.22 * min(len(table), MANY_PATIENTS))).add_subplot()
    places = np.arange(len(table))
    ax.barh(places, table["files"], color=QUIET, label="files")
    ax.plot(
        table["largest_stack"],
        places,
        "o",
        color=ACCENT,
        markersize=5,
        label="positions of the largest stack",
    )
    ax.set(
        title=f"Files and slices of each {counts.index.name}",
        xlabel="number of files, number of positions",
        ylim=(-0.7, len(table) - 0.3),
    )
    named = len(table) <= MANY_PATIENTS
    ax.set_yticks(places if named else [], table.index if named else [])
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_positions(stacks, *, ax=None):
    """Draws where the slices of stacks lie, in mm along the normal: gaps and repeated positions can be seen.

    Parameters
    ----------
    stacks : dict of stack to DataFrame of `helpers.stack_slices`; a stack is an entry of the
        index of `stack_table`, or any name
    """
    ax = ax or plt.figure(figsize=(9, 1.2 + 0.45 * len(stacks))).add_subplot()
    if not stacks:
        ax.set(title="No stack to draw", xticks=[], yticks=[])
        return ax
    for line, slices in enumerate(stacks.values()):
        place, repeated = slices["position_mm"], slices["repeated"]
        ax.plot(
            place[~repeated], np.full((~repeated).sum(), line), "|", color=ACCENT, markersize=12
        )
        ax.plot(
            place[repeated], np.full(repeated.sum(), line + 0.25), "v", color=SECOND, markersize=6
        )
        if place.isna().all():
            ax.text(
                0.5,
                line,
                "position unknown",
                transform=ax.get_yaxis_transform(),
                ha="center",
                va="center",
            )
    ax.plot([], [], "|", color=ACCENT, markersize=12, label="a slice")
    ax.plot([], [], "v", color=SECOND, label="again at the same position")
    ax.set_yticks(
        range(len(stacks)), [_stack_label(stack, slices) for stack, slices in stacks.items()]
    )
    ax.set(
        title="Positions of the slices",
        xlabel="position along the normal in mm",
        ylim=(len(stacks) - 0.5, -0.6),
    )
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_findings(findings, *, ax=None):
    """Draws how many findings of each rule there are, the worst rules first, on a logarithmic axis.

    Parameters
    ----------
    findings : DataFrame of `helpers.audit`
    """
    counts = findings.groupby(["severity", "rule"], sort=False).size()
    ax = (
        ax
        or plt.figure(
            figsize=(9, 1.2 + 0.28 * max(len(counts), 2)), layout="constrained"
        ).add_subplot()
    )
    if counts.empty:
        ax.set(title="Nothing was found", xticks=[], yticks=[])
        return ax
    for severity, color in zip(("error", "warning", "note"), (SECOND, ACCENT, QUIET)):
        chosen = [place for place, (level, _) in enumerate(counts.index) if level == severity]
        ax.barh(chosen, counts.iloc[chosen], color=color, label=f"{severity}s" if chosen else None)
    for place, count in enumerate(counts):
        ax.text(count, place, f" {count}", va="center", fontsize=8)
    ax.set_yticks(range(len(counts)), [rule for _, rule in counts.index])
    ax.set(
        title="What the audit found",
        xlabel="number of findings",
        xscale="log",
        xlim=(0.7, 2 * counts.max()),
    )
    ax.set_ylim(len(counts) - 0.4, -0.6)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_missing(headers, *, by="PatientID", ax=None):
    """Draws which elements have a value where: the share of files in which each has one, per value of `by`.

    Elements with a value in every file are left out, and so are those without one in any.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    """
    present = headers.drop(columns="error").notna()
    partly = present.loc[:, ~present.all() & present.any()]
    groups = headers[by].fillna("?").to_numpy() if by in headers else np.full(len(headers), "?")
    share = partly.groupby(groups).mean()
    share = share[share.mean().sort_values(ascending=False).index[:MANY_KEYWORDS]].iloc[
        :MANY_PATIENTS
    ]
    ax = (
        ax
        or plt.figure(
            figsize=(2 + 0.24 * max(share.shape[1], 8), 2.5 + 0.2 * len(share)),
            layout="constrained",
        ).add_subplot()
    )
    if share.empty:
        ax.set(title="No file lacks what another has", xticks=[], yticks=[])
        return ax
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(share.shape[1]), share.columns, rotation=90, fontsize=7)
    ax.set_yticks(range(len(share)), share.index, fontsize=7)
    cut = (
        f" (the first {MANY_PATIENTS} of {len(set(groups))} shown)"
        if len(set(groups)) > MANY_PATIENTS
        else ""
    )
    ax.set(title=f"Which elements have a value where{cut}")
    ax.figure.colorbar(image, ax=ax, label="share of files with a value", shrink=0.8)
    return ax


def _stack_label(stack, slices):
    """Patient and number of a stack, and whether its order is a guess."""
    patient = slices["PatientID"].iloc[0] if "PatientID" in slices else "?"
    name = f"{patient} · stack {stack[1]}" if isinstance(stack, tuple) else str(stack)
    return name if (slices["order_grade"] == "A").all() else f"{name} (a guess)"
