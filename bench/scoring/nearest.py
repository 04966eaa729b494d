"""Nearest images by brute force, a block at a time: never all images as floats, and never all distances."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bench.scoring.similarity import images_at_once
from methods import parts
from metrics.base import Neighbours
from metrics.features import apart, smallest
from metrics.features.pairs import Side

BLOCK_VALUES = 2**21
"""Of images as floats: 8 MiB. Neither half nor a multiple of it is faster on a processor."""
QUERIES_AT_ONCE = 500
EXACT = 1023
"""Terms of 128 squared at most whose sum is a whole number of float32, in any order."""
SPARE = 8
"""Found beyond those asked for, so that neither rounding nor a tie decides who is nearest."""
Squares = Callable[[slice], Callable[[slice], Tensor]]
"""Of some of the others, a function of some of the queries: squared distances (R,C), or bounds, less what is the query's own."""


def by_pixels(images: Tensor, among: Tensor, count: int, but: Tensor | None = None) -> Neighbours:
    """The `count` nearest to each of uint8 images (M,C,H,W) by mean squared error, pixels in [0,1], among uint8 images (N,C,H,W).

    Exact: of pixels less 128 the products of up to 1,023 sum in float32 without rounding, and whole numbers below 2^53 in float64.
    Ties go to the lower index. but: (M,) the one index that is no candidate for each, or None.
    """
    pixels = images[0].numel()
    assert 255**2 * pixels < 2**53
    queries = _shifted(images)

    def squares(columns: slice) -> Callable[[slice], Tensor]:
        block = _shifted(among[columns].to(images.device))
        pieces, lengths = block.split(EXACT, dim=1), _lengths(block)

        def of(rows: slice) -> Tensor:
            chunks = zip(queries[rows].split(EXACT, dim=1), pieces, strict=True)
            products = [(some @ part.T).double() for some, part in chunks]
            return sum(products[1:], products[0]).mul_(-2).add_(lengths)

        return of

    found, index = _search(len(images), len(among), pixels, squares, count + SPARE, but)
    distance = (found + _lengths(queries)[:, None]) / (255**2 * pixels)
    return _in_order(distance, index, count)


def _shifted(images: Tensor) -> Tensor:
    return images.flatten(1).float() - 128


def _lengths(shifted: Tensor) -> Tensor:
    """Squared, (N,) float64."""
    return torch.stack([part.square().sum(1).double() for part in shifted.split(EXACT, dim=1)]).sum(0)


def by_features(
    features: Tensor, among: Tensor, count: int, but: Tensor | None = None, spare: int = SPARE
) -> Neighbours:
    """The `count` nearest to each of features (M,D) by Euclidean distance among features (N,D); ties and `but` as in by_pixels.

    Exact: products in float32 give lower bounds, and those of the lowest are measured in float64: equal features are at exactly 0. A query
    that some other could be as near to, which is not among these, is searched again with more to `spare`.
    """
    centre = among.double().mean(0)
    queries, others = Side.of(features, centre), Side.of(among, centre)

    def bounds(columns: slice) -> Callable[[slice], Tensor]:
        block, squares = others.rows[columns], others.squares[columns]
        return lambda rows: (queries.rows[rows] @ block.T).mul_(-2).add_(squares)

    low, index = _search(len(features), len(among), features.shape[1], bounds, count + spare, but)
    rows = torch.arange(len(index), device=index.device)
    squares = apart(features, among, rows[:, None].expand_as(index), index)
    found = _in_order(squares.sqrt(), index, count)
    if index.shape[1] < len(among) - (but is not None):
        floor = low.amax(1).double() + queries.squares
        again = (found.distances[:, -1].square() >= floor).nonzero()[:, 0]
        if len(again):
            of_again = None if but is None else but[again]
            more = by_features(features[again], among, count, of_again, 8 * (count + spare))
            for part, better in zip(found, more, strict=True):
                part[again] = better
    return found


def by_ssim(images: Tensor, among: Tensor, candidates: Tensor, count: int) -> Neighbours:
    """The `count` most similar to each of uint8 images (M,C,H,W) among its candidates (M,K), indices of uint8 images (N,C,H,W).

    `distances` are the structural similarities, largest first. Ties go to the earlier candidate.
    """
    similarity = parts.SSIM(*images.shape[-2:]).to(images.device)
    size = max(1, images_at_once(images) // candidates.shape[1])
    found = [
        similarity(some[:, None].float() / 255, among[rows].float() / 255)
        for some, rows in zip(images.split(size), candidates.split(size), strict=True)
    ]
    values, at = torch.cat(found).sort(dim=1, descending=True, stable=True)
    return Neighbours(candidates.gather(1, at[:, :count]), values[:, :count].double())


def _search(
    queries: int, others: int, width: int, squares: Squares, count: int, but: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The smallest of `squares` and their indices, each (M, count or all that there are), in any order. width: D of the rows."""
    count = min(count, others - (but is not None))
    best: dict[int, tuple[Tensor, Tensor]] = {}
    for columns in _slices(others, max(1, BLOCK_VALUES // width)):
        of_block = squares(columns)
        for rows in _slices(queries, QUERIES_AT_ONCE):
            values = of_block(rows)
            if but is not None:
                self_row = ((but[rows] >= columns.start) & (but[rows] < columns.stop)).nonzero()[:, 0]
                values[self_row, but[rows][self_row] - columns.start] = torch.inf
            low, index = smallest(values, min(count, values.shape[1]))
            index += columns.start
            if rows.start in best:
                low, index = (torch.cat(both, dim=1) for both in zip(best[rows.start], (low, index), strict=True))
                low, at = low.topk(min(count, low.shape[1]), dim=1, largest=False, sorted=False)
                index = index.gather(1, at)
            best[rows.start] = low, index
    low, index = map(torch.cat, zip(*best.values(), strict=True))
    return low, index


def _slices(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _in_order(distance: Tensor, index: Tensor, count: int) -> Neighbours:
    """The first `count`, nearest first and of equals the lower index first."""
    index, by_index = index.sort(dim=1)
    distance, nearest_first = distance.gather(1, by_index).sort(dim=1, stable=True)
    return Neighbours(index.gather(1, nearest_first)[:, :count], distance[:, :count])
