"""Our scoring beside the plain way: every family is there, and the values agree."""

from pathlib import Path

import pytest
from helpers_e2e import here

from bench.perf import scoring
from bench.perf.scoring import FAMILIES

WORDS = ("perf", "--scoring", "--dataset", "digits", "--repeats", "2", "--threads", "1", "--backbone", "mlp")


def test_every_family_is_set_beside_the_plain_way_and_agrees() -> None:
    found = here(*WORDS)
    assert found.code == 0, found.out + found.err
    lines = found.out.splitlines()
    for name in [*(family.name for family in FAMILIES), "all"]:
        assert sum(line.startswith(name) for line in lines) == 1


def test_values_that_are_farther_apart_than_is_stated_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    other = scoring.Family(
        "SSIM", ("reconstruction_ssim",), (), lambda evidence: {"reconstruction_ssim": 2.0}, (), 0.5, ""
    )
    monkeypatch.setattr(scoring, "FAMILIES", (other,))
    assert here(*WORDS).code == 1


def test_what_cannot_be_compared_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert here(*WORDS, "--suite").code == 2
    gone = scoring.Family("SSIM", ("reconstruction_ssim",), (), lambda evidence: {}, ("no_such_library",), 0.5, "")
    monkeypatch.setattr(scoring, "FAMILIES", (gone,))
    found = here(*WORDS)
    assert found.code == 2
    assert "no_such_library" in found.err
