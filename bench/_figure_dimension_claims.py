"""What 002_250270577cfb522d.txt, section V.i.1, says of its Figure 5, and whether the measured lines say so too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bench._figure_claims import FAILS, HOLDS, paired_interval
from bench._figure_dimension_lines import Line, Row, no_cost

SOURCE = "002_250270577cfb522d.txt, section V.i.1"
UNKNOWN = "not measured"
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


class Gap(NamedTuple):
    """A line's error less the VAE's at one total, nats an image.

    interval: 95 %, of paired differences of `seeds` common seeds; None under two of them: then of the means.
    between: the VAE's totals that its error is interpolated from; None where it is measured.
    """

    total: int
    mean: float
    interval: tuple[float, float] | None
    seeds: int
    between: tuple[int, int] | None

    def __str__(self) -> str:
        inside = "" if self.interval is None else f" [{self.interval[0]:+.2f}, {self.interval[1]:+.2f}]"
        return f"{self.mean:+.2f}{inside} at {self.total}"

    def state(self) -> str:
        low, high = self.interval or (self.mean, self.mean)
        return "better" if high < 0 else "worse" if low > 0 else "not told apart"


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
    between = None if low is high else (low.total, high.total)
    if len(common) < 2:
        return Gap(row.total, row.mean() - (1 - share) * low.mean() - share * high.mean(), None, len(common), between)
    return Gap(row.total, float(np.mean(differences)), paired_interval(differences), len(common), between)


def _compared(line: Line, vae: Line, least: int) -> str:
    name = f"{line.name}{f' ({no_cost(line)})' if line.uncoded else ''} - {vae.name}"
    gaps = {row.total: gap(row, vae) for row in line.rows if row.total >= least}
    measured = [one for one in gaps.values() if one is not None]
    beyond = [str(total) for total, one in gaps.items() if one is None]
    reach = f"{vae.name} is of {vae.rows[0].total} to {vae.rows[-1].total}"
    if not measured:
        return f"{name}: no total of {least} or more in common ({reach}): {UNKNOWN}"
    notes = [_pairing(measured)]
    guessed = [f"{one.total} from {one.between[0]} and {one.between[1]}" for one in measured if one.between]
    notes += [f"{vae.name} interpolated linearly at {', '.join(guessed)}"] if guessed else []
    notes += [f"not compared at {', '.join(beyond)}: {reach}"] if beyond else []
    return f"{name}: {', '.join(map(str, measured))} nats ({'; '.join(notes)}): {_verdict(measured)}"


def _pairing(gaps: Sequence[Gap]) -> str:
    """How the differences were taken: `paired t, 95 %, 3 seeds`."""
    paired = sorted({one.seeds for one in gaps if one.interval})
    said = [f"paired t, 95 %, {' or '.join(map(str, paired))} seeds"] if paired else []
    alone = [str(one.total) for one in gaps if not one.interval]
    where = f" at {', '.join(alone)}" if paired else ""
    said += [f"fewer than 2 common seeds{where}: of the means, no interval"] if alone else []
    return "; ".join(said)


def _verdict(gaps: Sequence[Gap]) -> str:
    """It holds where the line is below the VAE's at every total compared; else where it is not."""
    short = {state: [str(one.total) for one in gaps if one.state() == state] for state in ("worse", "not told apart")}
    where = "; ".join(f"{state} at {', '.join(totals)}" for state, totals in short.items() if totals)
    return f"{FAILS} ({where})" if where else HOLDS


def _optimum(vae: Line) -> str:
    lowest = min(vae.rows, key=Row.mean)
    deviation = lowest.deviation()
    spread = "" if deviation is None else f" ± {deviation:.2f}"
    alike = [str(row.total) for row in vae.rows if row is not lowest and not _apart(row, lowest)]
    told = f"; not told apart from it by their common seeds (paired t, 95 %): {', '.join(alike)}" if alike else ""
    return f"at {lowest.total}, {lowest.mean():.2f}{spread} nats{told}: {_near(vae, lowest)}"


def _apart(row: Row, lowest: Row) -> bool:
    """Whether the common seeds tell two rows apart; with fewer than two of them, the means do."""
    differences = [value - lowest.by_seed[seed] for seed, value in row.by_seed.items() if seed in lowest.by_seed]
    return paired_interval(differences)[0] > 0 if len(differences) > 1 else True


def _near(vae: Line, lowest: Row) -> str:
    """A lowest point at the end of what was measured is no optimum: the error may fall on beyond it."""
    low, high = AROUND
    if not any(low <= row.total <= high for row in vae.rows):
        return f"no total of {low} to {high}: {UNKNOWN}"
    if not low <= lowest.total <= high:
        return f"{FAILS} (outside {low} to {high})"
    ends = {vae.rows[0].total: "smaller", vae.rows[-1].total: "larger"}
    return f"no {ends[lowest.total]} one measured: {UNKNOWN}" if lowest.total in ends else HOLDS
