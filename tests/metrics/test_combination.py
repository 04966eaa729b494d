"""What becomes of combinations: shares by class, over the right ones alone where the lemma speaks of these."""

import pytest
import torch

from metrics.base import Unavailable
from metrics.combination import accept_rate, lemma_1

Y = torch.tensor([0, 0, 1, 1])


def test_shares_by_class():
    found = accept_rate(torch.tensor([True, False, True, True]), Y)
    assert found.values.tolist() == [1, 0, 1, 1]
    assert torch.equal(found.groups, Y)


def test_the_lemma_is_of_combinations_of_right_latents_alone():
    right = torch.tensor([True, False, True, False])
    at_z, decoded = torch.tensor([True, False, True, False]), torch.tensor([False, False, True, True])
    found = lemma_1(right, at_z, decoded, Y)
    assert found["class_kept_at_z"].values.tolist() == [1, 1]
    assert found["class_kept_decoded"].values.tolist() == [0, 1]
    assert found["class_kept_decoded"].groups.tolist() == [0, 1]
    with pytest.raises(Unavailable, match="rightly"):
        lemma_1(torch.zeros(4, dtype=torch.bool), at_z, decoded, Y)
