"""What 002_250270577cfb522d.txt, section V.i.1, says of its Figure 5, and whether the measured lines say so too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from leaderboards.figures.parts.claims import FAILS, HOLDS, spread
from leaderboards.figures.parts.differences import UNKNOWN, Difference, between, paired, pairing
from leaderboards.figures.parts.dimension_lines import Line, Row, no_cost

SOURCE = "002_250270577cfb522d.txt, section V.i.1"
BETTER = '"custom models achieve better reconstruction [...] mainly significant for the TPS-TVAE and the DTVAE"'
OPTIMUM = '"the optimal number of latent variables can be estimated to be around 25"'
AROUND = (20, 30)
"""Totals that count as around 25."""


class Claimed(NamedTuple):
    """Lines said to lie below the VAE's, from which total on: where Figure 5 tells them apart."""

    name: str
    is_it: Callable[[Line], bool]
    least: int


CLAIMED = (
    Claimed("TPS-TVAE", lambda line: (line.method, line.transform) == ("tvae", "tps"), 20),
    Claimed("DTVAE", lambda line: line.method == "dtvae", 10),
)


@dataclass(frozen=True)
class Gap(Difference):
    """A line's error less the VAE's at one total, nats an image. between: the VAE's totals that its error is interpolated from, or None."""

    total: int
    between: tuple[int, int] | None

    def __str__(self) -> str:
        return f"{self.said(2)} at {self.total}"

    def state(self) -> str:
        return {-1: "better", 0: "not told apart", 1: "worse"}[self.sign]


def lines(found: Sequence[Line]) -> list[str]:
    """A line a claim and pair of lines, then one a VAE: the paper's words, what was measured, the verdict."""
    vaes = [line for line in found if line.method == "vae"]
    said = []
    for claimed in CLAIMED:
        pairs = [(line, vae) for line in found if claimed.is_it(line) for vae in vaes]
        name = f"{claimed.name} reconstructs better than the VAE at totals >= {claimed.least} ({BETTER})"
        said += [f"{name}, {_compared(line, vae, claimed.least)}" for line, vae in pairs]
        said += [] if pairs else [f"{name}: no lines of both: {UNKNOWN}"]
    name = f"the VAE's error is lowest around 25 ({OPTIMUM})"
    said += [f"{name}, {vae.name}: {_optimum(vae)}" for vae in vaes] or [f"{name}: no line of a VAE: {UNKNOWN}"]
    return said


def gap(row: Row, vae: Line) -> Gap | None:
    """A row against a VAE of its total, straight between the VAE's neighbouring totals where that is not measured. None out of range."""
    around = vae.around(row.total)
    if around is None:
        return None
    low, high = around
    share = (row.total - low.total) / (high.total - low.total) if low is not high else 0.0
    common = [seed for seed in row.by_seed if seed in low.by_seed and seed in high.by_seed]
    differences = [row.by_seed[seed] - (1 - share) * low.by_seed[seed] - share * high.by_seed[seed] for seed in common]
    found = paired(differences, row.mean() - (1 - share) * low.mean() - share * high.mean())
    ends = None if low is high else (low.total, high.total)
    return Gap(found.mean, found.interval, found.seeds, row.total, ends)


def _compared(line: Line, vae: Line, least: int) -> str:
    name = f"{line.name}{f' ({no_cost(line)})' if line.uncoded else ''} - {vae.name}"
    gaps = {row.total: gap(row, vae) for row in line.rows if row.total >= least}
    measured = [one for one in gaps.values() if one is not None]
    beyond = [str(total) for total, one in gaps.items() if one is None]
    reach = f"{vae.name} is of {vae.rows[0].total} to {vae.rows[-1].total}"
    if not measured:
        return f"{name}: no total of {least} or more in common ({reach}): {UNKNOWN}"
    notes = [pairing({str(one.total): one for one in measured})]
    guessed = [f"{one.total} from {one.between[0]} and {one.between[1]}" for one in measured if one.between]
    notes += [f"{vae.name} interpolated linearly at {', '.join(guessed)}"] if guessed else []
    notes += [f"not compared at {', '.join(beyond)}: {reach}"] if beyond else []
    return f"{name}: {', '.join(map(str, measured))} nats ({'; '.join(notes)}): {_verdict(measured)}"


def _verdict(gaps: Sequence[Gap]) -> str:
    """It holds where the line is below the VAE's at every total compared; else where it is not."""
    short = {state: [str(one.total) for one in gaps if one.state() == state] for state in ("worse", "not told apart")}
    where = "; ".join(f"{state} at {', '.join(totals)}" for state, totals in short.items() if totals)
    return f"{FAILS} ({where})" if where else HOLDS


def _optimum(vae: Line) -> str:
    lowest = min(vae.rows, key=Row.mean)
    alike = [str(row.total) for row in vae.rows if row is not lowest and not _apart(row, lowest)]
    told = f"; not told apart from it by their common seeds (paired t, 95 %): {', '.join(alike)}" if alike else ""
    return f"at {lowest.total}, {spread(list(lowest.by_seed.values()), 2)} nats{told}: {_near(vae, lowest)}"


def _apart(row: Row, lowest: Row) -> bool:
    """Whether the common seeds tell two rows apart; with fewer than two of them, the means do."""
    difference = between(row, lowest)
    return difference.interval is None or difference.sign > 0


def _near(vae: Line, lowest: Row) -> str:
    """A lowest point at the end of what was measured is no optimum: the error may fall on beyond it."""
    low, high = AROUND
    if not any(low <= row.total <= high for row in vae.rows):
        return f"no total of {low} to {high}: {UNKNOWN}"
    if not low <= lowest.total <= high:
        return f"{FAILS} (outside {low} to {high})"
    ends = {vae.rows[0].total: "smaller", vae.rows[-1].total: "larger"}
    return f"no {ends[lowest.total]} one measured: {UNKNOWN}" if lowest.total in ends else HOLDS
