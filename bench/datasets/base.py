"""What a data set is: two splits held whole as uint8 images and int64 labels."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bench.datasets.draws import mixed, stratified
from bench.runtime.errors import UsageError

if TYPE_CHECKING:  # torch takes a second to import, and listing names must not wait for it
    from torch import Tensor

__all__ = ["DataError", "Dataset", "mixed", "split", "stratified"]


class DataError(UsageError):
    """One clear line for the user: the thing, what is wrong with it, what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, whole and in memory.

    x_train, x_test: uint8 (N, C, H, W), 0..255. y_train, y_test: int64 (N,), each label an index into `classes`.
    name, source, licence and upright, the name of the data set in which its classes stand upright, are filled in by `load`
    from the registry, so a decorated function leaves them out.
    Raises DataError, a ValueError, where dtypes, shapes, counts or labels do not fit.
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: tuple[str, ...]
    name: str = ""
    source: str = ""
    licence: str = ""
    upright: str = ""

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise DataError(f"{self._title}: classes are {self.classes!r}; at least two are needed")
        for part, x, y in (("train", self.x_train, self.y_train), ("test", self.x_test, self.y_test)):
            self._check_part(part, x, y)
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            train, test = tuple(self.x_train.shape[1:]), tuple(self.x_test.shape[1:])
            raise DataError(
                f"{self._title}: x_train holds images of {train}, x_test of {test} (C,H,W); make them equal"
            )

    def _check_part(self, part: str, x: Tensor, y: Tensor) -> None:
        import torch

        if x.dtype != torch.uint8 or x.ndim != 4 or x.shape[0] == 0:
            got = f"{x.dtype} {tuple(x.shape)}"
            raise DataError(f"{self._title}: x_{part} is {got}; give uint8 (N,C,H,W) with at least one image")
        if y.dtype != torch.int64 or y.ndim != 1:
            raise DataError(f"{self._title}: y_{part} is {y.dtype} {tuple(y.shape)}; give int64 (N,)")
        if len(x) != len(y):
            raise DataError(
                f"{self._title}: x_{part} has {len(x)} images, y_{part} {len(y)} labels; give one label an image"
            )
        low, high = (int(bound) for bound in torch.aminmax(y))
        if low < 0 or high >= self.n_classes:
            allowed = f"0..{self.n_classes - 1} (one for each of {self.n_classes} classes)"
            raise DataError(f"{self._title}: y_{part} has labels {low}..{high}; give labels in {allowed}")

    @property
    def _title(self) -> str:
        return self.name or "data set"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.x_train.shape[1:]
        return channels, height, width

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    @cached_property
    def digest(self) -> str:
        """sha256, in hex, over shapes, images and labels of both splits; its name and origin do not count."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(f"{array.dtype}{tuple(array.shape)}".encode())
            digest.update(array.contiguous().numpy().data)  # the tensor's own memory: hashing copies nothing
        return digest.hexdigest()

    def without_images(self) -> Dataset:
        """The same in shapes, labels, names and digest, its images without memory (on torch's meta device)."""
        described = dataclasses.replace(self, x_train=self.x_train.to("meta"), x_test=self.x_test.to("meta"))
        described.__dict__["digest"] = self.digest
        return described


def split(dataset: Dataset, held_out: int, seed: int) -> tuple[Tensor, Tensor]:
    """Hold out a part of the training images, stratified by class.

    Gives (train, held out): int64 indices into x_train, ascending, disjoint, covering; held_out = 0 holds out none.
    Raises ValueError where held_out is negative or leaves nothing to train on.
    """
    available = len(dataset.y_train)
    if not 0 <= held_out < available:
        raise ValueError(
            f"held_out is {held_out}; {dataset.name or 'the data set'} has {available} training images: "
            f"give a number in 0..{available - 1}"
        )
    return stratified(dataset.y_train, held_out, seed)
