"""Streams of randomness: one for each purpose, none moved by another."""

import pytest
import torch

from bench.runtime.seeds import deterministic, generator, seeded, stream

CPU = torch.device("cpu")


def test_every_seed_and_purpose_has_a_stream_of_its_own() -> None:
    streams = {
        stream(seed, purpose) for seed in range(50) for purpose in ("split", "weights", "order", "noise", "1/order")
    }
    assert len(streams) == 250
    assert all(0 <= number < 2**63 for number in streams)
    assert stream(3, "order") == stream(3, "order")


def test_a_generator_gives_the_same_order_whatever_was_drawn_elsewhere() -> None:
    first = torch.randperm(100, generator=generator(1, "order"))
    torch.rand(17)
    assert torch.equal(torch.randperm(100, generator=generator(1, "order")), first)
    assert not torch.equal(torch.randperm(100, generator=generator(2, "order")), first)


def test_seeded_draws_from_its_purpose_and_leaves_the_others_where_they_were() -> None:
    torch.manual_seed(0)
    expected = torch.rand(4)
    torch.manual_seed(0)
    drawn = []
    for count in (1, 1000):
        with seeded(7, "curves", CPU):
            drawn.append(torch.rand(4))
            torch.rand(count)
    assert torch.equal(torch.rand(4), expected)
    assert torch.equal(drawn[0], drawn[1])
    with seeded(7, "noise", CPU):
        assert not torch.equal(torch.rand(4), drawn[0])


def test_seeded_inside_seeded_goes_back_to_the_outer_stream() -> None:
    with seeded(1, "outer", CPU):
        expected = torch.rand(2, 3)

    def fail() -> None:
        with seeded(1, "inner", CPU):
            torch.rand(9)
            raise KeyError

    with seeded(1, "outer", CPU):
        first = torch.rand(3)
        with pytest.raises(KeyError):
            fail()
        assert torch.equal(torch.stack([first, torch.rand(3)]), expected)


def test_deterministic_refuses_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # set here, so that it is put back
    before, filled = torch.are_deterministic_algorithms_enabled(), torch.utils.deterministic.fill_uninitialized_memory
    try:
        deterministic()
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert not torch.backends.cudnn.benchmark
    finally:
        torch.use_deterministic_algorithms(before)
        torch.utils.deterministic.fill_uninitialized_memory = filled
