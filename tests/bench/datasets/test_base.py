"""Dataset and split: what is refused, what the digest sees, what a split keeps."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.datasets.base import Dataset, split


def make(**changes: object) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    content = {
        "x_train": torch.randint(0, 256, (12, 1, 4, 5), dtype=torch.uint8, generator=generator),
        "y_train": torch.arange(12) % 3,
        "x_test": torch.zeros(6, 1, 4, 5, dtype=torch.uint8),
        "y_test": torch.arange(6) % 3,
        "classes": ("a", "b", "c"),
        "name": "tiny",
    }
    return Dataset(**{**content, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"x_train": torch.zeros(12, 1, 4, 5)}, "x_train is torch.float32 (12, 1, 4, 5)"),
        ({"x_test": torch.zeros(6, 4, 5, dtype=torch.uint8)}, "x_test is torch.uint8 (6, 4, 5)"),
        ({"x_test": torch.zeros(0, 1, 4, 5, dtype=torch.uint8)}, "at least one image"),
        ({"y_train": (torch.arange(12) % 3).int()}, "y_train is torch.int32"),
        ({"y_test": torch.zeros(6, 1, dtype=torch.int64)}, "y_test is torch.int64 (6, 1)"),
        ({"y_train": torch.arange(11) % 3}, "x_train has 12 images, y_train 11 labels"),
        ({"y_train": torch.arange(12)}, "labels 0..11; give labels in 0..2"),
        ({"y_test": torch.arange(6) % 3 - 1}, "labels -1..1"),
        ({"classes": ("a",)}, "at least two"),
        ({"x_test": torch.zeros(6, 1, 5, 5, dtype=torch.uint8)}, "(1, 4, 5), x_test of (1, 5, 5)"),
    ],
)
def test_refuses_by_name_what_does_not_fit(changes, named, refused):
    with refused("tiny", named):
        make(**changes)


@pytest.mark.parametrize("part", ["x_train", "y_train", "x_test", "y_test"])
def test_digest_changes_with_one_value(part):
    data = make()
    changed = getattr(data, part).clone()
    changed.view(-1)[-1] = (changed.view(-1)[-1] + 1) % 3
    assert dataclasses.replace(data, **{part: changed}).digest != data.digest


def test_digest_sees_the_shape_and_neither_the_name_nor_the_memory_layout():
    data = make()
    turned = dataclasses.replace(data, x_train=data.x_train.view(12, 1, 5, 4), x_test=data.x_test.view(6, 1, 5, 4))
    assert turned.digest != data.digest
    laid_out = data.x_train.transpose(2, 3).contiguous().transpose(2, 3)
    assert not laid_out.is_contiguous()
    assert make(x_train=laid_out, name="other", source="elsewhere").digest == data.digest


def labelled(labels: list[int]) -> Dataset:
    x = torch.zeros(len(labels), 1, 1, 1, dtype=torch.uint8)
    y = torch.tensor(labels)
    return Dataset(x, y, x, y, tuple("abcde"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.floats(0, 1, exclude_max=True), st.integers(0, 2**40))
def test_split_is_disjoint_covering_stratified_and_fixed_by_its_seed(labels, share, seed):
    data = labelled(labels)
    held_out = int(share * len(labels))
    train, held = split(data, held_out, seed)
    assert train.dtype == held.dtype == torch.int64
    assert len(held) == held_out
    assert torch.cat([train, held]).sort().values.tolist() == list(range(len(labels)))
    counts, all_counts = (data.y_train[part].bincount(minlength=5) for part in (held, torch.arange(len(labels))))
    assert ((counts - held_out * all_counts / len(labels)).abs() < 1).all()
    assert all(torch.equal(a, b) for a, b in zip(split(data, held_out, seed), (train, held), strict=True))


def test_split_moves_with_the_seed_and_never_with_the_version():
    data = labelled([0, 1] * 10)
    assert split(data, 4, 0)[1].tolist() == [2, 9, 12, 15]
    assert split(data, 4, 1)[1].tolist() != [2, 9, 12, 15]


@pytest.mark.parametrize("held_out", [-1, 20, 21])
def test_split_refuses_to_leave_nothing(held_out):
    with pytest.raises(ValueError, match=f"held_out is {held_out}.*0..19"):
        split(labelled([0, 1] * 10), held_out, 0)
