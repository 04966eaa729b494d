"""Prices of a dry run: every phase, search, score and picture of a cell is in it, and what rows share once. No time is compared."""

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_e2e import ROWS, here, write_suite
from hypothesis import given
from hypothesis import strategies as st

from bench.config.suite import load_suite
from bench.records.plan import Cell, Plan
from bench.runner.estimate import Estimate, Price, estimate
from bench.runner.plan import RunSettings, make_plan
from bench.runner.pricing.part import Part
from bench.runner.pricing.scoring import SHARES, Times, shape, shares, strided

GENERATOR = {"method": "latent-generator", "images": 10, "trials": 4, "generator": "medium1"}
LATENT = {"latent": 4, "hidden": 16}


def planned(folder: Path, rows: dict[str, dict[str, Any]], **more: Any) -> tuple[Plan, list[Cell]]:
    suite = load_suite(str(write_suite(folder, rows, **more)))
    plan = make_plan(suite, RunSettings(results=str(folder / "results"), device="cpu"))
    return plan, [Cell(**cell) for cell in plan.cells]


def by_row(plan: Plan, todo: list[Cell], found: Estimate) -> dict[tuple[str, int], Price]:
    assert list(found.cells) == [cell.cell for cell in todo]
    return {(cell.label, cell.seed): found.cells[cell.cell] for cell in todo}


def seconds(price: Price) -> dict[str, float]:
    sums: dict[str, float] = {}
    for part in price.parts:
        assert part.seconds >= 0
        sums[part.name] = sums.get(part.name, 0.0) + part.seconds
    return sums


def test_every_phase_is_priced_and_shared_ones_once(tmp_path: Path) -> None:
    rows = {"vae": LATENT, "generator": {**GENERATOR, **LATENT}, "regene": {"width": 4}}
    plan, todo = planned(tmp_path, rows, seeds=2, held_out=143, evaluation={"metrics": ["reconstruction_bce"]})
    found = by_row(plan, todo, estimate(plan, todo))
    for seed in (0, 1):
        vae, generator = seconds(found["vae", seed]), seconds(found["generator", seed])
        assert vae["train"] > 0 == generator["train"], "the generator's VAE is that row's"
        assert min(generator[name] for name in ("classifier", "search simple", "search medium1")) > 0
        assert vae["score bound_terms"] > 0
        assert vae["start"] > 0 < vae["pictures"]
        regene = seconds(found["regene", seed])
        assert min(regene[name] for name in ("classifier", "decoder")) > 0
    assert not (tmp_path / "results").exists()


def test_what_is_kept_is_not_trained_again_and_a_record_says_what_a_row_takes(tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert here("run", "--suite", write_suite(tmp_path), results=results).code == 0
    more = {"metrics": ["reconstruction_bce", "cost", "reconstruction_mse"]}
    plan, todo = planned(tmp_path, ROWS, seeds=2, evaluation=more)
    found = by_row(plan, todo, estimate(plan, todo))
    assert found["vae", 0].source == found["vae", 1].source == "from a record"
    assert seconds(found["vae", 0]).keys() == {"score"}
    assert seconds(found["vae", 1])["train"] > 0
    assert "train" in seconds(by_row(plan, todo, estimate(plan, todo, force=True))["vae", 0])


def test_a_method_that_refuses_to_go_on_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from methods.regene import ReGene

    def refuse(self: ReGene, data: object) -> None:
        raise ValueError("not trained enough")

    monkeypatch.setattr(ReGene, "_take_confidence", refuse)
    plan, todo = planned(tmp_path, {"regene": {"width": 4}}, held_out=143)
    price = estimate(plan, todo).cells[todo[0].cell]
    assert "what comes after classifier is not priced: not trained enough" in price.source
    assert "decoder" not in seconds(price)


def test_wall_time_is_that_of_the_place_that_ends_last() -> None:
    cells = {str(k): Price(str(k), [Part("train", float(k))], "") for k in (3, 1, 2, 4)}
    found = Estimate([Part("neutral classifier", 10.0)], cells)
    assert found.wall_seconds(1) == 10 + 10
    assert found.wall_seconds(2) == 10 + 7  # 3 and then 4 beside 1 and then 2
    assert found.wall_seconds(9) == 10 + 4


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_times_are_carried_on_by_the_power_that_they_show(power: float) -> None:
    times = Times()
    for share in (1 / 64, 1 / 16):
        times.measured["a"][share] = 3 * share**power
    assert times.at("a", 1.0) == pytest.approx(3)
    assert times.at("b", 1.0) == 0
    times.measured["c"][1 / 4] = 2.0
    assert times.at("c", 1.0) == pytest.approx(8), "one measurement alone: in proportion"


CURVES = st.dictionaries(st.sampled_from(SHARES), st.floats(0, 1e4), min_size=1)


@given(CURVES, CURVES)
def test_no_time_is_carried_on_beyond_that_of_all_pairs(own: dict[float, float], other: dict[float, float]) -> None:
    times = Times({"one": other})
    times.measured["one"] = own
    last = max(own)
    for share in SHARES:
        if share > last:
            assert times.at("one", share) <= own[last] * (share / last) ** 2 * (1 + 1e-9)
        elif share in own:
            assert times.at("one", share) == own[share]


def test_what_asks_the_method_is_not_priced_by_anothers_times() -> None:
    times = Times()
    times.measured |= {"codes_train": {0.25: 1e-4, 1.0: 45.0}, "machines": {0.25: 1.0, 1.0: 3.0}}
    times.keep()
    assert list(times.others) == ["machines"]


def test_shares_leave_enough_images_of_all_classes() -> None:
    assert shares(60_000) == [1 / 64, 1 / 16, 1 / 4, 1.0]
    assert shares(1_300) == [1 / 4, 1.0]
    assert shares(10) == [1.0]
    y = torch.arange(10).repeat_interleave(600)  # sorted by class
    assert y[strided(len(y), 1 / 64, 0)].unique().tolist() == list(range(10))
    assert strided(7, 1.0, 0).tolist() == list(range(7))


def test_the_shape_of_a_value_tells_what_work_it_is() -> None:
    same = [{"a": (torch.zeros(2, 3), 1)}, {"a": (torch.ones(2, 3), 1)}]
    other = [{"a": (torch.zeros(2, 4), 1)}, {"a": (torch.zeros(2, 3).double(), 1)}, {"a": (torch.zeros(2, 3), 2)}]
    assert len({shape(one) for one in same}) == 1
    assert len({shape(one) for one in same + other}) == 4
