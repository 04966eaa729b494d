"""A sheet of plain text cells, and how it reads in a terminal, in Markdown and in LaTeX."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from tabulate import MIN_PADDING, SEPARATING_LINE, tabulate


@dataclass(frozen=True)
class Entry:
    """One cell's text; `best` makes it stand out."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Head:
    """A column's name, and what is said of it in small (arrow, unit). Figures stand right, words left.

    joined: never parted from the column before it where a wide sheet is split into blocks.
    """

    name: str
    hint: str = ""
    right: bool = True
    joined: bool = False

    @property
    def line(self) -> str:
        return f"{self.name} {self.hint}".strip()


@dataclass(frozen=True)
class Sheet:
    """rows and apart: lists of len(head) entries, `apart` under a line. The first `repeat` of them name the row."""

    title: str
    head: list[Head]
    rows: list[list[Entry]]
    apart: list[list[Entry]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repeat: int = 1


def text(sheet: Sheet, width: int, color: bool) -> str:
    """For a terminal; where wider than `width` characters, columns go in several blocks that repeat the row's names."""

    def cell(entry: Entry) -> str:
        if not entry.best:
            return entry.text
        return f"\x1b[1m{entry.text}\x1b[0m" if color else f"*{entry.text}"

    blocks = []
    for places in _blocks(sheet, width):
        lines = [[cell(row[place]) for place in places] for row in sheet.rows]
        apart = [[cell(row[place]) for place in places] for row in sheet.apart]
        body = [*lines, *([SEPARATING_LINE] if lines and apart else []), *apart]
        head = [sheet.head[place] for place in places]
        blocks.append(
            tabulate(
                body,
                headers=[f"{one.name}\n{one.hint}" if one.hint else one.name for one in head],
                colalign=["right" if one.right else "left" for one in head] if body else None,
                tablefmt="simple",
                disable_numparse=True,
            )
        )
    notes = [
        textwrap.fill(note, max(width, 20), subsequent_indent="  ", break_long_words=False) for note in sheet.notes
    ]
    title = textwrap.fill(sheet.title, max(width, 20), break_long_words=False)
    return "\n".join([title, "", "\n\n".join(blocks), *([""] if notes else []), *notes]) + "\n"


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

    def cell(entry: Entry) -> str:
        escaped = _escape_markdown(entry.text)
        return f"**{escaped}**" if entry.best else escaped

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    lines = [f"### {_escape_markdown(sheet.title)}", "", line([_escape_markdown(head.line) for head in sheet.head])]
    lines.append(line(["---:" if head.right else ":---" for head in sheet.head]))
    lines += [line([cell(entry) for entry in row]) for row in sheet.rows]
    lines += [line([f"*{_escape_markdown(row[0].text)}*", *map(cell, row[1:])]) for row in sheet.apart]
    notes = [f"- {_escape_markdown(note)}" for note in sheet.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _escape_markdown(said: str) -> str:
    return re.sub(r"([\\|*<>`\[\]])", r"\\\1", said).replace("\n", " ")


def latex(sheet: Sheet) -> str:
    r"""A `table` for booktabs (nothing else is needed); best in \textbf, rows set apart under a \midrule."""

    def line(row: Sequence[Entry]) -> str:
        cells = [rf"\textbf{{{escape_latex(e.text)}}}" if e.best else escape_latex(e.text) for e in row]
        return "    " + " & ".join(cells) + r" \\"

    align = "".join("r" if head.right else "l" for head in sheet.head)
    lines = [r"% \usepackage{booktabs}", r"\begin{table}", r"  \centering\footnotesize"]
    lines += [rf"  \caption{{{escape_latex(sheet.title)}}}", rf"  \begin{{tabular}}{{{align}}}", r"    \toprule"]
    lines += [line([Entry(head.line) for head in sheet.head]), r"    \midrule"]
    lines += [line(row) for row in sheet.rows]
    lines += [r"    \midrule"] if sheet.rows and sheet.apart else []
    lines += [line(row) for row in sheet.apart]
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    lines += [rf"  \par\smallskip {escape_latex(note)}" for note in sheet.notes]
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


def escape_latex(said: str) -> str:
    """Text that pdflatex takes as it is: specials escaped, signs and Greek as mathematics, the rest as ASCII."""
    return "".join(_LATEX.get(mark) or _latin(mark) for mark in said)


def _latin(mark: str) -> str:
    if 32 <= ord(mark) < 127:
        return mark
    name = unicodedata.name(mark, "")
    greek = re.fullmatch(r"GREEK SMALL LETTER (ALPHA|BETA|GAMMA|DELTA|EPSILON|ETA|THETA|LAMDA|MU|PHI|TAU)", name)
    if greek:
        return f"$\\{greek[1].lower().replace('lamda', 'lambda')}$"
    return unicodedata.normalize("NFKD", mark).encode("ascii", "ignore").decode() or "?"
