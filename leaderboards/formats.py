"""How a sheet of texts reads in a terminal, in Markdown and in LaTeX; lines as CSV, trees as JSON."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from tabulate import MIN_PADDING, SEPARATING_LINE, tabulate

FORMATS = ("table", "markdown", "csv", "latex", "json")


@dataclass(frozen=True)
class Entry:
    """One text of a sheet; `best` makes it stand out."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Head:
    """A column's name, and what is said of it in small (arrow, unit). Scores stand right, words left.

    joined: never parted from the column before it where a wide sheet is split into blocks.
    """

    name: str
    hint: str = ""
    right: bool = True
    joined: bool = False


@dataclass(frozen=True)
class Sheet:
    """rows and apart: lists of len(head) entries, `apart` under a line. The first `repeat` of them name the row."""

    title: str
    head: list[Head]
    rows: list[list[Entry]]
    apart: list[list[Entry]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repeat: int = 1


def sheets(shown: Sequence[Sheet], format: str, width: int, color: bool) -> str:
    """In format table, markdown or latex, one below the other."""
    if format == "table":
        return "\n".join(terminal(one, width, color) for one in shown)
    return "\n".join((markdown if format == "markdown" else latex)(one) for one in shown)


def csv(lines: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    return pd.DataFrame(list(lines), columns=list(columns)).to_csv(index=False)


def as_json(content: Any) -> str:
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False, default=str) + "\n"


def terminal(sheet: Sheet, width: int, color: bool) -> str:
    """Where wider than `width` characters, columns go in several blocks that repeat the row's names."""

    def mark(text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if color else f"*{text}"

    def fill(text: str) -> str:
        indent = "" if text == sheet.title else "  "
        return textwrap.fill(text, max(width, 20), subsequent_indent=indent, break_long_words=False)

    head = [f"{one.name}\n{one.hint}" if one.hint else one.name for one in sheet.head]
    blocks = [_tabulated(sheet, "simple", head, str, mark, places) for places in _blocks(sheet, width)]
    notes = [fill(note) for note in sheet.notes]
    return "\n".join([fill(sheet.title), "", "\n\n".join(blocks), *([""] if notes else []), *notes]) + "\n"


def _tabulated(
    sheet: Sheet,
    format: str,
    head: Sequence[str],
    escape: Callable[[str], str],
    mark: Callable[[str], str],
    places: Sequence[int] | None = None,
) -> str:
    """tabulate's table of these columns, all by default; rows set apart under a line where there are others above."""
    places = range(len(sheet.head)) if places is None else places

    def line(row: Sequence[Entry]) -> list[str]:
        texts = [(escape(row[place].text), row[place].best) for place in places]
        return [mark(text) if best else text for text, best in texts]

    apart = [line(row) for row in sheet.apart]
    between = [SEPARATING_LINE] if sheet.rows and apart and format != "pipe" else []
    body = [*map(line, sheet.rows), *between, *apart]
    return tabulate(
        body,
        headers=[head[place] for place in places],
        colalign=["right" if sheet.head[place].right else "left" for place in places] if body else None,
        tablefmt=format,
        disable_numparse=True,
    )


def _blocks(sheet: Sheet, width: int) -> list[list[int]]:
    """Places of the columns of each block; every block starts with the row's names and holds at least one more."""
    rows = [*sheet.rows, *sheet.apart]
    widths = [
        max(
            [
                len(head.name) + MIN_PADDING,
                len(head.hint) + MIN_PADDING,
                *(len(row[place].text) + row[place].best for row in rows),
            ]
        )
        for place, head in enumerate(sheet.head)
    ]
    groups: list[list[int]] = []
    names = list(range(sheet.repeat))
    for place, head in enumerate(sheet.head[sheet.repeat :], start=sheet.repeat):
        if head.joined and groups:
            groups[-1].append(place)
        else:
            groups.append([place])
    start = sum(widths[: sheet.repeat]) + 2 * (sheet.repeat - 1)
    blocks, used = [[*names]], start
    for group in groups:
        needed = sum(2 + widths[place] for place in group)
        if used + needed > width and len(blocks[-1]) > sheet.repeat:
            blocks.append([*names])
            used = start
        blocks[-1] += group
        used += needed
    return blocks


def markdown(sheet: Sheet) -> str:
    """A pipe table under a heading; best in **bold**, rows set apart in *italics*, notes as a list."""
    head = [_escape_markdown(f"{one.name} {one.hint}".strip()) for one in sheet.head]
    apart = [[Entry(f"\0{row[0].text}\0"), *row[1:]] for row in sheet.apart]
    text = _tabulated(replace(sheet, apart=apart), "pipe", head, _escape_markdown, lambda text: f"**{text}**")
    notes = [f"- {_escape_markdown(note)}" for note in sheet.notes]
    return (
        "\n".join(
            [f"### {_escape_markdown(sheet.title)}", "", text.replace("\0", "*"), *([""] if notes else []), *notes]
        )
        + "\n"
    )


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\|*<>`\[\]])", r"\\\1", text).replace("\n", " ")


def latex(sheet: Sheet) -> str:
    r"""A `table` for booktabs (nothing else is needed); best in \textbf, rows set apart under a \midrule."""
    head = [escape_latex(f"{one.name} {one.hint}".strip()) for one in sheet.head]
    first, *between, last = _tabulated(
        sheet, "latex_raw", head, escape_latex, lambda text: rf"\textbf{{{text}}}"
    ).split("\\hline")
    body = (
        first + r"\toprule" + "".join(part + r"\midrule" for part in between[:-1]) + between[-1] + r"\bottomrule" + last
    )
    if not (sheet.rows or sheet.apart):  # tabulate aligns no column of a table without rows
        aligned = "".join("r" if one.right else "l" for one in sheet.head)
        body = body.replace("{tabular}{}", f"{{tabular}}{{{aligned}}}")
    lines = [r"% \usepackage{booktabs}", r"\begin{table}", r"\centering\footnotesize"]
    lines += [rf"\caption{{{escape_latex(sheet.title)}}}", body]
    lines += [rf"\par\smallskip {escape_latex(note)}" for note in sheet.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


_LATEX = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\n": " "},
    **{"<": "$<$", ">": "$>$", "|": "$|$", "[": "{[}", "]": "{]}", "±": r"$\pm$", "≥": r"$\geq$", "≤": r"$\leq$"},
    **{
        "↓": r"$\downarrow$",
        "↑": r"$\uparrow$",
        "–": "--",
        "†": r"$\dagger$",
        "…": r"\ldots{}",
        "·": r"$\cdot$",
        "×": r"$\times$",
    },
    **{"σ": r"$\sigma$", "−": "$-$", "*": "{*}", '"': "''"},
}


def escape_latex(text: str) -> str:
    """Text that pdflatex takes as it is: specials escaped, signs and Greek as mathematics, the rest as ASCII."""
    return "".join(_LATEX.get(mark) or _latin(mark) for mark in text)


def _latin(mark: str) -> str:
    if 32 <= ord(mark) < 127:
        return mark
    name = unicodedata.name(mark, "")
    greek = re.fullmatch(r"GREEK SMALL LETTER (ALPHA|BETA|GAMMA|DELTA|EPSILON|ETA|THETA|LAMDA|MU|PHI|TAU)", name)
    if greek:
        return f"$\\{greek[1].lower().replace('lamda', 'lambda')}$"
    return unicodedata.normalize("NFKD", mark).encode("ascii", "ignore").decode() or "?"
