"""All pairs of two sets of features in one pass: sums of the kernel, and who is near whom.

Products are taken in float32, a block of rows at a time, of features about their mean. Sums of the kernel bear that: a product's rounding
is about 1e-7 of it, without a bias, and a sum is over all pairs. Distances do not, near zero: there products give a lower bound of each,
lower by more than all that was rounded, and what it leaves as possibly near is measured again, in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from metrics.base import TENTHS, tenths

LISTED = 16
"""Nearest others that are listed of each point: with a tenth left out more than five of them are left, all but never fewer."""
UNIT = 2.0**-24
"""Of rounding in float32."""


class Side(NamedTuple):
    """One set about a centre m: u (N,D) float32, |u|^2 lowered (N,), m.u/D (N,), and m.m/D + 1."""

    rows: Tensor
    squares: Tensor
    lift: Tensor
    base: float

    @classmethod
    def of(cls, values: Tensor, centre: Tensor) -> Side:
        """By Higham 2002, section 3.1, a product of D terms is off by D units of |u||v| at most; the rest is for u and the sums."""
        centred, size = values.double() - centre, values.shape[1]
        lowered = centred.square().sum(1) * (1 - (size + 16) * UNIT)
        base = float(centre.square().sum()) / size + 1
        return cls(centred.float(), lowered.float(), (centred @ centre / size).float(), base)


class Own(NamedTuple):
    """Of the pairs within a set of N.

    kernels: sums of the kernel over distinct pairs by the tenths that they are of, (10,10) float64. squares: squared distances to the
    nearest others, (N,K) float64, and which these are, listed, (N,K). floor: (N,), what no other's is below; inf where all
    are listed.
    """

    kernels: Tensor
    squares: Tensor
    listed: Tensor
    floor: Tensor

    @classmethod
    def of(cls, values: Tensor) -> Own:
        side, member = Side.of(values, values.double().mean(0)), _member(values)
        count = min(LISTED, len(values) - 1)
        kernels, found = values.new_zeros(TENTHS, TENTHS, dtype=torch.float64), []
        for rows, products in blocks(side, side):
            at = torch.arange(len(rows), device=rows.device)
            kernel = _kernel(products, side, rows, side)
            kernel[at, rows] = 0
            kernels += (member[rows].T @ kernel).double() @ member.double()
            lower = products.mul_(-2).add_(side.squares)
            lower[at, rows] = torch.inf
            low, index = smallest(lower, count)
            floor = (
                low.amax(1).double() + side.squares[rows]
                if count < len(values) - 1
                else low[:, 0].double().fill_(torch.inf)
            )
            found.append((apart(values, values, rows[:, None].expand_as(index), index), index, floor))
        sizes = member.double().sum(0)
        kernels += side.base**3 * (sizes.outer(sizes) - sizes.diag())
        return cls(kernels, *map(torch.cat, zip(*found, strict=True)))


class Across(NamedTuple):
    """Of the pairs of two sets.

    kernels: as of a set, (10,10). rows, columns, squares: the pairs that may be near, (P,), and their squared distances, float64.
    """

    kernels: Tensor
    rows: Tensor
    columns: Tensor
    squares: Tensor

    @classmethod
    def of(cls, first: Tensor, second: Tensor, row_limit: Tensor, column_limit: Tensor) -> Across:
        """Limits: squared distances, (M,) and (N,), of which a pair may be within either."""
        centre = first.double().mean(0)
        one, other = Side.of(first, centre), Side.of(second, centre)
        members = _member(first), _member(second)
        kernels, found = first.new_zeros(TENTHS, TENTHS, dtype=torch.float64), []
        # a limit is rounded up
        row_limit, column_limit = ((limit * (1 + 4 * UNIT)).float() for limit in (row_limit, column_limit))
        for rows, products in blocks(one, other):
            kernel = _kernel(products, one, rows, other)
            kernels += (members[0][rows].T @ kernel).double() @ members[1].double()
            lower = products.mul_(-2).add_(other.squares).add_(one.squares[rows, None])
            row, column = ((lower <= row_limit[rows, None]) | (lower <= column_limit)).nonzero(as_tuple=True)
            found.append((rows[row], column))
        kernels += one.base**3 * members[0].double().sum(0).outer(members[1].double().sum(0))
        rows, columns = map(torch.cat, zip(*found, strict=True))
        return cls(kernels, rows, columns, apart(first, second, rows, columns))


def blocks(one: Side, other: Side) -> Iterator[tuple[Tensor, Tensor]]:
    """Indices of some rows (R,), and their products with all of the other side, (R,N)."""
    # of a block a processor's cache holds enough; a GPU wants fewer, larger ones
    values = 2**21 if one.rows.device.type == "cpu" else 2**27
    every = torch.arange(len(one.rows), device=one.rows.device)
    for rows in every.split(max(1, values // len(other.rows))):
        yield rows, one.rows[rows] @ other.rows.T


def _member(values: Tensor) -> Tensor:
    """Which tenth each of N is of, as a row, (N,10)."""
    return torch.eye(TENTHS, device=values.device)[tenths(len(values)).to(values.device)]


def _kernel(products: Tensor, one: Side, rows: Tensor, other: Side) -> Tensor:
    """(x.y / D + 1)^3 - base^3 of pairs, Bińkowski et al. 2018, from the products about the centre.

    As base + d is cubed, less base^3 is left 3 base^2 d + 3 base d^2 + d^3: what pairs share takes no digits of float32.
    """
    d = torch.add(other.lift, products, alpha=1 / one.rows.shape[1]).add_(one.lift[rows, None])
    return torch.addcmul(d.new_tensor(3 * one.base**2), d, d + 3 * one.base).mul_(d)


def apart(first: Tensor, second: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Squared distances, float64, of some rows of (M,D) and some of (N,D), as many of both, of any shape."""
    # what is worked on stays in a processor's cache: less than half the time in 2,048 dimensions
    at_once = max(1, (2**16 if first.device.type == "cpu" else 2**26) // first.shape[1])
    pairs = zip(rows.flatten().split(at_once), columns.flatten().split(at_once), strict=True)
    return torch.cat([(first[i].double() - second[j].double()).square_().sum(1) for i, j in pairs]).view(rows.shape)


def smallest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` smallest of each row of (M,N) and their columns, each (M,count) in any order: several times as quick as torch.topk.

    Columns are cut into groups: the smallest lie in the groups of the smallest minima.
    """
    parts = int((values.shape[1] / count) ** 0.5)
    if parts < 2:
        low, columns = values.topk(count, dim=1, largest=False, sorted=False)
        return low, columns
    width = values.shape[1] // parts
    groups = values[:, : parts * width].unflatten(1, (parts, width)).amin(1)
    chosen = groups.topk(count, dim=1, largest=False, sorted=False).indices
    each = torch.arange(parts, device=values.device) * width
    rest = torch.arange(parts * width, values.shape[1], device=values.device)
    columns = torch.cat([(chosen[:, :, None] + each).flatten(1), rest.expand(len(values), -1)], dim=1)
    low, at = values.gather(1, columns).topk(count, dim=1, largest=False, sorted=False)
    return low, columns.gather(1, at)
