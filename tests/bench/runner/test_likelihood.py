"""One likelihood for all rows of a suite: its own scores, and nothing of another in its table."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from helpers_e2e import here, write_suite
from helpers_plan import suite_of

from bench.records.cells import read
from bench.runtime.errors import UsageError
from bench.scoring.evidence import MissingCapability
from bench.scoring.latents import OF_LIKELIHOOD
from bench.scoring.score import score
from bench.scoring.selection import choose
from bench.tuning.target import chosen_metrics
from methods.parts import Likelihood

pytestmark = pytest.mark.usefixtures("own_places")
LOGISTIC = "discretised-logistic"


def test_each_has_pixels_of_its_own() -> None:
    assert set(OF_LIKELIHOOD.values()) == set(get_args(Likelihood))


def test_a_search_is_by_a_figure_that_the_likelihood_has() -> None:
    columns = ["reconstruction_bce", "reconstruction_nll", "nll_iw"]
    assert list(chosen_metrics(suite_of(columns=columns), None)) == ["reconstruction_bce"]
    logistic = suite_of(columns=columns, likelihood=LOGISTIC)
    assert list(chosen_metrics(logistic, None)) == ["reconstruction_nll"]
    with pytest.raises(UsageError, match=r"reconstruction_bce.*discretised-logistic"):
        chosen_metrics(logistic, "reconstruction_bce")
    with pytest.raises(UsageError, match=r"bits_per_dim.*bernoulli"):
        chosen_metrics(suite_of(), "bits_per_dim")


BOTH = {"elbo", "nll_iw"}
OF = {"bernoulli": {"reconstruction_bce"}, LOGISTIC: {"reconstruction_nll", "bits_per_dim"}}


@pytest.mark.parametrize("name", ["vae", "cvae", "tvae"])
@pytest.mark.parametrize("likelihood", get_args(Likelihood))
def test_each_has_its_own_figures_and_none_of_the_others(name: str, likelihood: str, make: Any) -> None:
    options = {"pose_prior": "normal"} if name == "tvae" else {}
    names = [*BOTH, *(figure for figures in OF.values() for figure in figures)]
    found = score(make(name, likelihood=likelihood, **options), choose(names))
    assert set(found.metrics) == BOTH | OF[likelihood]
    assert not found.unavailable


def test_evidence_of_one_likelihood_is_given_neither_by_another_nor_without_one(make: Any) -> None:
    for likelihood in (*get_args(Likelihood), None):
        evidence = make("vae", likelihood=likelihood) if likelihood else make("pca")
        for name, of in OF_LIKELIHOOD.items():
            if of == likelihood:
                assert getattr(evidence, name) is evidence.pixels
            else:
                with pytest.raises(MissingCapability):
                    getattr(evidence, name)


def test_a_record_without_the_field_is_bernoullis(tmp_path: Path) -> None:
    content = {"schema": 1, "cell": "c", "suite": "s", "label": "vae", "method": "vae", "dataset": "d", "seed": 0}
    content |= {"options": {}, "budget": {}, "status": "ok"}
    (tmp_path / "record.json").write_text(json.dumps(content))
    assert read(tmp_path).likelihood == "bernoulli"


def test_a_suite_run_with_another_likelihood_has_a_table_of_its_own(tmp_path: Path) -> None:
    results, few = tmp_path / "results", {"importance_samples": 2, "importance_images": 5}
    few |= {"metrics": ["reconstruction", "likelihood"]}
    suite = write_suite(tmp_path, {"vae": {"hidden": 8}, "tvae": {"hidden": 8}, "pca": {}}, evaluation=few)
    for more in ([], ["--likelihood", LOGISTIC]):
        done = here("run", "--suite", suite, *more, results=results)
        assert done.code == 0, done.err
    assert f"likelihood={LOGISTIC}" in done.out
    assert "reconstruction_nll" in done.out
    assert "reconstruction_bce" not in done.out
    boards = json.loads(here("leaderboard", "--all", "--format", "json", results=results).out)
    assert {board["likelihood"] for board in boards} == OF.keys()
    for board in boards:
        assert {row["name"] for row in board["rows"]} == {"vae", "tvae", "pca"}
        columns = {column["metric"] for column in board["columns"]}
        assert columns & (OF["bernoulli"] | OF[LOGISTIC]) == OF[board["likelihood"]]
