"""What 000_2852ba8d0aec7d1a.txt, section 4.3.1, says of its Figure 1, and whether the measured curves say so too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leaderboards.figures.parts.grid import GRID, Row
from leaderboards.stats import interval

SOURCE = "000_2852ba8d0aec7d1a.txt, section 4.3.1"
HIGH, NEARLY_ALL = 0.9, 0.99
"""`near 100% accuracy at cos > 0.9`: no point above HIGH is less accurate than NEARLY_ALL."""
LOW, MOST = 0.75, 0.95
"""`> 95% accuracy even at mean cosine similarity of 0.75`."""
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "can't be told"


def lines(rows: Sequence[Row]) -> list[str]:
    """A line a claim and row, then one a pair of ELBO and MMD rows of as many latents: what is claimed, what was measured, the verdict."""
    pairs = [
        (elbo, mmd)
        for elbo in rows
        for mmd in rows
        if (elbo.vae, mmd.vae) == ("elbo", "mmd") and elbo.latent == mmd.latent
    ]
    said = [*map(_near_all, rows), *map(_most, rows), *(_no_difference(*pair) for pair in pairs)]
    if not pairs:
        said.append(f"no difference between ELBO and MMD: no rows of both with as many latents: {UNKNOWN}")
    return said


def _near_all(row: Row) -> str:
    name = f"near 100 % accuracy above cosine {HIGH:g}, {row.label}"
    cosine, accuracy = row.means()
    above = np.flatnonzero(cosine > HIGH)
    if not len(above):
        return f"{name}: no point of the grid is above {HIGH:g}: {UNKNOWN}"
    lowest = min(above, key=lambda i: accuracy[i])
    theta, n = GRID[lowest]
    # A curve that ends above HIGH can break the claim, not keep it.
    verdict = FAILS if accuracy[lowest] < NEARLY_ALL else UNKNOWN if None in row.at(HIGH) else HOLDS
    least = f"lowest above it {spread(row.accuracy[:, lowest])} (theta {theta:g}, n {n}), {NEARLY_ALL:g} is needed"
    return f"{name}: {_measured(row, HIGH)}; {least}: {verdict}"


def _most(row: Row) -> str:
    found = [value for value in row.at(LOW) if value is not None]
    verdict = UNKNOWN if len(found) < len(row.seeds) else HOLDS if np.mean(found) > MOST else FAILS
    return f"> 95 % accuracy at cosine {LOW:g}, {row.label}: {_measured(row, LOW)}: {verdict}"


def _no_difference(elbo: Row, mmd: Row) -> str:
    name = f"no difference between ELBO and MMD, {elbo.label} - {mmd.label}"
    common = sorted(set(elbo.seeds) & set(mmd.seeds))
    if len(common) < 2:
        return f"{name}: {len(common)} common seed(s), an interval takes two: {UNKNOWN}"
    parts, verdicts = zip(*(_difference(elbo, mmd, common, at) for at in (LOW, HIGH)), strict=True)
    verdict = FAILS if FAILS in verdicts else UNKNOWN if UNKNOWN in verdicts else HOLDS
    verdict = f"{verdict} (not told apart by {len(common)} seeds)" if verdict == HOLDS else verdict
    return f"{name}: {', '.join(parts)} (paired t, 95 %, {len(common)} seeds): {verdict}"


def _difference(elbo: Row, mmd: Row, common: Sequence[int], at: float) -> tuple[str, str]:
    """The difference of accuracies at a cosine with its interval, and whether 0 is inside."""
    found = [dict(zip(row.seeds, row.at(at), strict=True)) for row in (elbo, mmd)]
    pairs = [(found[0][seed], found[1][seed]) for seed in common]
    differences = [one - other for one, other in pairs if one is not None and other is not None]
    if len(differences) < len(common):
        short = [row.label for row, own in zip((elbo, mmd), zip(*pairs, strict=True), strict=True) if None in own]
        return f"{at:g} is not reached by {' and '.join(short)}", UNKNOWN
    low, high = interval(differences)
    said = f"{np.mean(differences):+.4f} [{low:+.4f}, {high:+.4f}] at {at:g}"
    return said, HOLDS if low <= 0 <= high else FAILS


def _measured(row: Row, at: float) -> str:
    """`0.9921 ± 0.0010 at 0.9`, or where the curves end that don't reach it."""
    found = row.at(at)
    short = [i for i, value in enumerate(found) if value is None]
    if not short:
        return f"{spread([value for value in found if value is not None])} at {at:g}"
    ends = row.cosine[short]
    seeds = f"seed {row.seeds[short[0]]}" if len(short) == 1 else f"{len(short)} of {len(found)} seeds"
    return f"{at:g} is not reached by {seeds} (cosine {ends.min():.4f} to {ends.max():.4f})"


def spread(values: Sequence[float] | np.ndarray, digits: int = 4) -> str:
    """`0.9921 ± 0.0010`: mean and standard deviation; none of one value."""
    deviation = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{deviation}"
