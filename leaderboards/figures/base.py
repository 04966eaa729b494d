"""What a figure of a paper is, and what all share: reading a suite's latest plan, the verdict on a trend, drawing and writing.

A new one is a function from Request to lines, decorated with `@figure`, in a file of this folder or in a package with an entry point
`bench.figures`. A curve is a DataFrame of values: a row a seed, a column a point, NaN where a seed has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from bench.charts.style import GREY, WIDTH, styled, write_png_and_svg
from bench.runtime.errors import UsageError, nearest
from leaderboards.frame import read
from leaderboards.stats import Difference, paired

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from leaderboards.published import Published

HOLDS, FAILS, UNTOLD, UNMEASURED = "holds", "does not hold", "can't be told", "not measured"
COLOURS = ("#4c78a8", "#e45756", "#54a24b", "#b279a2", "#f58518", "#439894", "#9d755d", "#79706e")
MARKERS = "os^DvPX*"


class Request(NamedTuple):
    """out: FILE.png or FILE.svg. rows: labels; where None the figure chooses. dataset: which one, of a suite with several."""

    suite: str
    results: Path
    out: Path
    rows: Sequence[str] | None = None
    dataset: str | None = None
    published: Sequence[Published] = ()


class Figure(NamedTuple):
    """A figure that can be asked for. draw: writes its files and gives the lines to print."""

    about: str
    draw: Callable[[Request], list[str]]


registry: dict[str, Figure] = {}


def figure(name: str, *, about: str) -> Callable[..., Callable[[Request], list[str]]]:
    """Register a function as a figure. about: a line on what it shows and whose it is. Raises ValueError where the name is taken."""

    def register(draw: Callable[[Request], list[str]]) -> Callable[[Request], list[str]]:
        if name in registry:
            raise ValueError(f"figure {name!r} is already registered: choose another name")
        registry[name] = Figure(about, draw)
        return draw

    return register


def cells_of(request: Request, method: str | None = None, option: str | None = None, all_data: bool = False) -> Any:
    """The frame of the latest plan's cells that are asked for, with `name`, as messages call the row, `line` and `reference`.

    option: rows that differ in it alone are a line. all_data: whether several data sets may be drawn at once.
    Raises UsageError where there are none, or for a row, line or data set that the suite has not.
    """
    (frame,), _ = read(request.results, request.suite)
    cells = frame.cells[frame.cells.planned] if len(frame.cells) else frame.cells
    if len(cells) and method:
        cells = cells[cells.method == method]
    if not len(cells):
        which = f" of method {method}" if method else " in a plan"
        raise UsageError(f"suite {request.suite!r} in {request.results} has no rows{which}: there is nothing to draw")
    known = list(cells.dataset.unique())
    if request.dataset is not None and request.dataset not in known:
        raise UsageError("--dataset: " + nearest(request.dataset, known, "data set of the suite"))
    if request.dataset is None and len(known) > 1 and not all_data:
        raise UsageError(f"the suite has several data sets: choose one with --dataset: {', '.join(known)}")
    cells = cells[cells.dataset == request.dataset] if request.dataset else cells
    name = cells.label + " on " + cells.dataset if cells.dataset.nunique() > 1 else cells.label
    line = [_line(*pair, option) for pair in zip(cells.label, cells.options, strict=True)] if option else cells.label
    cells = cells.assign(name=name, line=line, reference=cells.label.isin(frame.plan.reference_rows))
    names = {*cells.label, *cells.line}
    unknown = [wanted for wanted in request.rows or () if wanted not in names]
    if unknown:
        raise UsageError("--rows: " + nearest(unknown[0], names, f"row{' or line' if option else ''} of the suite"))
    return cells if request.rows is None else cells[cells[["label", "line"]].isin(request.rows).any(axis=1)]


def _line(label: str, options: Mapping[str, Any], option: str) -> str:
    """`tvae-tps` of the row `tvae-tps-12` of 12 latents; of a sweep of two options, `vae-100` of `vae-2-100`."""
    value = f"-{options.get(option)}"
    return label.removesuffix(value) if label.endswith(value) else label.replace(f"{value}-", "-", 1)


def with_scores(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Adds `value`, NaN where a cell has no score of this metric, and `lacks`, why it has none, else empty."""
    value = cells.metrics.map(lambda scores: scores.get(metric)).astype(float).where(cells.status == "ok")
    lacks = cells.status.replace("ok", f"no {metric}").mask(value.notna(), "")
    return cells.assign(value=value, lacks=lacks)


def measured(cells: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Cells of the rows whose `lacks` is empty for some seed; and why the other rows have none, by name."""
    has = cells.lacks.eq("").groupby(cells.name).transform("any")
    reasons = cells[~has].groupby("name", sort=False).lacks
    return cells[has], {str(name): ", ".join(own.unique()) for name, own in reasons}


def lines_of(
    cells: pd.DataFrame, by: str, along: str, request: Request, without: Mapping[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """Cells of the rows to draw, one row at each place `along` the lines `by`, and what is said of the others.

    A line has two rows or more; a row asked for may be alone. Raises UsageError where there is no line.
    """
    kept, unmeasured = measured(cells)
    twin = kept.name != kept.groupby([by, along])["name"].transform("first")
    reasons = {**without, **unmeasured}
    reasons |= dict.fromkeys(kept.name[twin], f"another row of its line has the same {along}")
    kept = kept[~twin]
    alone = kept.groupby(by)[along].transform("nunique") < 2
    if alone.all():
        why = "; ".join([f"no line of rows has two of {along}", *left_out(reasons)])
        raise UsageError(f"suite {request.suite!r}: nothing to draw: {why}")
    if request.rows is None:
        reasons |= dict.fromkeys(kept.name[alone], "the only row of its line")
        kept = kept[~alone]
    return kept, [*left_out(reasons), *lacking(kept)]


def left_out(reasons: Mapping[str, str]) -> list[str]:
    """A line, where rows are left out."""
    return [f"left out: {'; '.join(f'{name} ({why})' for name, why in reasons.items())}"] if reasons else []


def lacking(cells: pd.DataFrame) -> list[str]:
    """A line, where rows lack a seed that others have."""
    reasons = cells.pivot(index="name", columns="seed", values="lacks").fillna("not planned")
    long = reasons.reset_index().melt("name", value_name="why")
    gaps = long[long.why != ""].groupby(["seed", "why"])["name"]
    said = [f"without seed {seed} ({why}): {', '.join(names)}" for (seed, why), names in gaps]
    return [f"means over the seeds that there are; {'; '.join(said)}"] if said else []


def points_of(curve: pd.DataFrame) -> pd.DataFrame:
    """A row a point: mean, sd (NaN with one seed) and seeds, as text."""
    seeds = [" ".join(map(str, curve[at].dropna().index)) for at in curve]
    return pd.DataFrame({"mean": curve.mean(), "sd": curve.std(), "seeds": seeds})


def spread(values: pd.Series, digits: int = 4) -> str:
    """`0.9921 ± 0.0010`, over seeds."""
    deviation = f" ± {values.std():.{digits}f}" if values.count() > 1 else ""
    return f"{values.mean():.{digits}f}{deviation}"


def steps(curve: pd.DataFrame) -> dict[str, Difference]:
    """From each point to the next, and from the first to the last, of two points or more: `2 to 3`, ... `2 to 5`."""
    ends = list(curve)
    pairs = {f"{low:g} to {high:g}": (curve[high], curve[low]) for low, high in [*pairwise(ends), (ends[0], ends[-1])]}
    return {place: paired(high - low, high.mean() - low.mean()) for place, (high, low) in pairs.items()}


def trend(found: Mapping[str, Difference], sign: int, strict: bool) -> str:
    """The verdict on a curve that is to rise (sign 1) or fall (-1) from end to end, with no step that is seen to go the other way.

    found: as `steps` gives it. strict: it has to go this way; else it is enough that it is not seen to go the other.
    """
    against = [place for place, one in found.items() if one.sign == -sign]
    if against:
        return f"{FAILS} (the other way from {', '.join(against)})"
    ends, whole = list(found.items())[-1]
    if whole.sign == sign:
        return HOLDS
    if whole.interval is None:
        return f"{FAILS if strict else HOLDS} (the same from {ends})"
    return f"{UNTOLD if strict else HOLDS} (not told apart by {whole.seeds} seeds from {ends})"


def look(place: int) -> dict[str, Any]:
    """Colour and marker of a line."""
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}


def plot_curve(axes: Axes, curve: pd.DataFrame, position: int, name: str, dashed: bool = False) -> None:
    """Means over seeds, and a band of ± a deviation where there are two."""
    mean, sd, style = curve.mean(), curve.std(), look(position)
    if sd.notna().any():  # the band's edge shows it at a point between two without
        axes.fill_between(mean.index, mean - sd, mean + sd, color=style["color"], alpha=0.16, linewidth=2, zorder=1)
    style |= {"linestyle": "--", "markerfacecolor": "white"} if dashed else {}
    axes.plot(mean.index, mean, label=name, **style)


def seeds_said(seeds: Iterable[str]) -> str:
    """For a caption: of how many seeds points are, given each point's seeds as `points_of` gives them."""
    counts = sorted({len(own.split()) for own in seeds})
    over = " to ".join(map(str, sorted({counts[0], counts[-1]})))
    return "one seed: no band" if counts == [1] else f"band: ± one standard deviation over {over} seeds"


def write(
    request: Request, table: pd.DataFrame, title: str, caption: str, paint: Callable[..., None], panels: int = 1
) -> str:
    """Write the picture as PNG and SVG and the table as CSV; gives a line that names them. paint: draws on the panels' axes."""
    from matplotlib.figure import Figure as Drawing

    with styled():
        drawing = Drawing(dpi=100, layout="constrained")
        axes = drawing.subplots(panels, sharex=True, squeeze=False)[:, 0]
        drawing.suptitle(title, fontsize=15)
        axes[0].set_title(caption, fontsize=11, color=GREY)
        paint(*axes)
        entries = axes[0].get_legend_handles_labels()
        columns = max(1, min(3, 90 // (8 + max(map(len, entries[1])))))
        drawing.legend(*entries, loc="outside lower center", ncols=columns, fontsize=11)
        drawing.set_size_inches(WIDTH / 100, 4 + 1.5 * panels + 0.25 * -(-len(entries[1]) // columns))
        files = write_png_and_svg(drawing, request.out)
    files.append(request.out.with_suffix(".csv"))
    table.to_csv(files[-1], index=False)
    return f"written: {', '.join(map(str, files))}"
