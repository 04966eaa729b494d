"""Nearest images by brute force, a block at a time: never all images as floats, and never all distances."""

import torch
from torch import Tensor

from bench.scoring.similarity import images_at_once
from methods import parts
from metrics.base import Neighbours

BLOCK_VALUES = 2**22
"""Values of a block in float64: 32 MiB. A multiple of it is no faster."""
QUERIES_AT_ONCE = 1000
SPARE = 8
"""Found beyond those asked for, so that neither rounding nor a tie decides who is nearest."""


def by_pixels(images: Tensor, among: Tensor, count: int, but: Tensor | None = None) -> Neighbours:
    """The `count` nearest to each of uint8 images (M,C,H,W) by mean squared error, pixels in [0,1], among uint8 images (N,C,H,W).

    Exact: sums of products of whole numbers below 2^53 have no rounding in float64. Ties go to the lower index.
    but: (M,) the one index that is no candidate for each, or None.
    """
    pixels = images[0].numel()
    assert 255**2 * pixels < 2**53
    squares, index = _search(images.flatten(1), among.flatten(1), count + SPARE, but)
    return _in_order(squares / (255**2 * pixels), index, count)


def by_features(features: Tensor, among: Tensor, count: int, but: Tensor | None = None) -> Neighbours:
    """The `count` nearest to each of features (M,D) by Euclidean distance among features (N,D); ties and `but` as in by_pixels.

    |a|² + |b|² - 2ab loses digits near zero, so what it finds is measured again directly: equal features are at exactly 0.
    """
    _, index = _search(features, among, count + SPARE, but)
    distance = torch.cat(
        [
            (part[:, None].double() - among[near].double()).square().sum(2).sqrt()
            for part, near in zip(features.split(QUERIES_AT_ONCE), index.split(QUERIES_AT_ONCE), strict=True)
        ]
    )
    return _in_order(distance, index, count)


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


def _search(queries: Tensor, among: Tensor, count: int, but: Tensor | None) -> tuple[Tensor, Tensor]:
    """Squared Euclidean distances and indices, each (M, count or all that there are), of the nearest rows of `among` (N,D)."""
    count = min(count, len(among) - (but is not None))
    found = []
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        rows = slice(start, start + QUERIES_AT_ONCE)
        found.append(_search_some(queries[rows].double(), among, count, None if but is None else but[rows, None]))
    return torch.cat([squares for squares, _ in found]), torch.cat([index for _, index in found])


def _search_some(queries: Tensor, among: Tensor, count: int, but: Tensor | None) -> tuple[Tensor, Tensor]:
    lengths = queries.square().sum(1, keepdim=True)
    best = queries.new_empty(len(queries), 0)
    index = torch.empty(len(queries), 0, dtype=torch.int64, device=queries.device)
    size = max(1, BLOCK_VALUES // queries.shape[1])
    for start in range(0, len(among), size):
        block = among[start : start + size].to(queries.device).double()
        columns = torch.arange(start, start + len(block), device=queries.device)
        squares = torch.addmm(block.square().sum(1), queries, block.T, alpha=-2) + lengths
        if but is not None:
            squares.masked_fill_(columns == but, torch.inf)
        squares, columns = torch.cat([best, squares], 1), torch.cat([index, columns.expand_as(squares)], 1)
        best, at = squares.topk(min(count, squares.shape[1]), dim=1, largest=False)
        index = columns.gather(1, at)
    return best, index


def _in_order(distance: Tensor, index: Tensor, count: int) -> Neighbours:
    """The first `count`, nearest first and of equals the lower index first."""
    index, by_index = index.sort(dim=1)
    distance, nearest_first = distance.gather(1, by_index).sort(dim=1, stable=True)
    return Neighbours(index.gather(1, nearest_first)[:, :count], distance[:, :count])
