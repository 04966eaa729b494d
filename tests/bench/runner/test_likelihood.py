"""One likelihood for all rows of a suite: in every option and record, its own figures, and nothing of another in its table."""

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import torch
from helpers_e2e import bench, here, shared_cache, write_suite
from helpers_plan import ROWS, planned, suite_of, tiny

from bench.cli import app as cli
from bench.config.options import find, on_shared, resolve
from bench.config.suite import Suite
from bench.records.cells import read
from bench.records.plan import Cell
from bench.records.record import Record
from bench.runtime.errors import UsageError
from bench.scoring.evidence import MissingCapability
from bench.scoring.latents import OF_LIKELIHOOD
from bench.scoring.score import score
from bench.scoring.selection import choose
from bench.tracking import content as _run_content
from bench.tuning.target import chosen_metrics
from methods.base import AbstractMethod, AbstractVAE, Entry, ImageSpec, registry
from methods.parts import DiscretisedLogistic, Likelihood

LOGISTIC = "discretised-logistic"


def _cells(rows: dict[str, dict[str, Any]] = ROWS, **changes: Any) -> dict[str, Cell]:
    return {cell.label: cell for cell in planned(suite_of(rows, **changes), tiny())}


# Suite and options.


def test_every_row_that_takes_one_gets_the_suites() -> None:
    unsaid, said = _cells(), _cells(likelihood=LOGISTIC)
    assert {unsaid[row].options["likelihood"] for row in ("vae", "hot")} == {"bernoulli"}
    assert {said[row].options["likelihood"] for row in ("vae", "hot")} == {LOGISTIC}
    assert "likelihood" not in said["pca"].options
    assert unsaid["vae"].cell == _cells(likelihood="bernoulli")["vae"].cell
    # Also a row without one is another cell: its record says in whose table it stands.
    assert all(unsaid[row].cell != said[row].cell for row in ROWS)


def test_a_row_cannot_have_one_of_its_own() -> None:
    with pytest.raises(UsageError, match=r"^hot\.likelihood: .*whole suite.*--likelihood"):
        _cells({**ROWS, "hot": {"method": "lambda-hot", "likelihood": LOGISTIC}})


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bernoulli.*discretised-logistic"):
        _cells(likelihood="gaussian")


def test_every_method_that_states_a_likelihood_takes_the_suites() -> None:
    spec, seen = ImageSpec(3, 8, 12, 10), set()
    for name, entry in registry.items():
        if not entry.cls.__module__.startswith("methods.") or not issubclass(entry.cls, AbstractVAE):
            continue
        method = entry.cls(spec, **resolve(name, find(name), on_shared(name, entry, {}, "mlp", LOGISTIC)))
        x, y = torch.rand(2, 3, 8, 12), torch.zeros(2, dtype=torch.int64)
        assert isinstance(method.likelihood(method.posterior(x, y).mode, y), DiscretisedLogistic), name
        seen.add(name)
    assert {"vae", "cvae", "lambda-hot", "kmeans-vae", "joint-vae", "mmd-vae", "tvae", "dtvae"} <= seen
    generator = find("latent-generator")
    assert on_shared("row", generator, {}, "mlp", LOGISTIC)["likelihood"] == LOGISTIC


def test_a_plug_in_that_states_another_likelihood_is_refused_and_one_that_states_none_is_not() -> None:
    class Without(AbstractMethod):
        def __init__(self, spec: ImageSpec) -> None:
            super().__init__()

    class Own(AbstractVAE):
        def __init__(self, spec: ImageSpec, *, likelihood: str = "mine") -> None:
            super().__init__()

    own = Entry("own", Own, "here")
    with pytest.raises(UsageError, match=r"^row: method 'own' has no option `likelihood`.*discretised-logistic"):
        on_shared("row", own, {}, "mlp", LOGISTIC)
    assert on_shared("row", own, {"likelihood": "other"}, "mlp", "bernoulli") == {"likelihood": "other"}
    assert on_shared("row", Entry("without", Without, "here"), {}, "mlp", LOGISTIC) == {}


def test_every_place_that_names_likelihoods_names_the_same() -> None:
    def literal(annotation: Any) -> set[str]:
        inner = [literal(part) for part in get_args(annotation) if not isinstance(part, str)]
        return {part for part in get_args(annotation) if isinstance(part, str)}.union(*inner)

    known = set(get_args(Likelihood))
    assert literal(Suite.model_fields["likelihood"].annotation) == known
    assert set(OF_LIKELIHOOD.values()) == known
    for verb in (cli.run, cli.perf):
        assert literal(get_type_hints(verb)["likelihood"]) == known


def test_perf_refuses_it_where_the_method_has_none() -> None:
    line = here("perf", "--method", "pca", "--dataset", "digits", "--likelihood", LOGISTIC).refusal()
    assert "pca" in line
    assert "--likelihood" in line


def test_a_search_is_by_a_figure_that_the_likelihood_has() -> None:
    columns = ["reconstruction_bce", "reconstruction_nll", "nll_iw"]
    assert list(chosen_metrics(suite_of(columns=columns), None)) == ["reconstruction_bce"]
    logistic = suite_of(columns=columns, likelihood=LOGISTIC)
    assert list(chosen_metrics(logistic, None)) == ["reconstruction_nll"]
    with pytest.raises(UsageError, match=r"reconstruction_bce.*discretised-logistic"):
        chosen_metrics(logistic, "reconstruction_bce")
    with pytest.raises(UsageError, match=r"bits_per_dim.*bernoulli"):
        chosen_metrics(suite_of(), "bits_per_dim")


# Evidence and figures.

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


def test_evidence_of_one_likelihood_is_not_given_by_another(make: Any) -> None:
    for likelihood in get_args(Likelihood):
        evidence = make("vae", likelihood=likelihood)
        for name, of in OF_LIKELIHOOD.items():
            if of == likelihood:
                assert getattr(evidence, name) is evidence.pixels
            else:
                with pytest.raises(MissingCapability):
                    getattr(evidence, name)


def test_a_method_without_a_likelihood_gives_none_of_them(make: Any) -> None:
    evidence = make("pca")
    for name in OF_LIKELIHOOD:
        with pytest.raises(MissingCapability):
            getattr(evidence, name)


# Records and tables.


def test_a_record_without_the_field_is_bernoullis(tmp_path: Path) -> None:
    content = {"schema": 1, "cell": "c", "suite": "s", "label": "vae", "method": "vae", "dataset": "d", "seed": 0}
    content |= {"options": {}, "budget": {}, "status": "ok"}
    (tmp_path / "record.json").write_text(json.dumps(content))
    assert read(tmp_path).likelihood == "bernoulli"


def test_it_is_a_tag_in_mlflow() -> None:
    known = {"cell": "c", "suite": "s", "label": "vae", "method": "vae", "dataset": "digits", "seed": 0}
    record = Record(**known, options={}, budget={}, status="ok", likelihood=LOGISTIC)
    assert _run_content.tags(record)["likelihood"] == LOGISTIC


def test_a_suite_run_with_another_likelihood_has_a_table_of_its_own(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache, results = str(shared_cache(tmp_path_factory)), tmp_path / "results"
    few = {"metrics": ["reconstruction", "likelihood"], "importance_samples": 2, "importance_images": 5}
    suite = write_suite(tmp_path, {"vae": {"hidden": 8}, "tvae": {"hidden": 8}, "pca": {}}, evaluation=few)
    words = ["run", "--suite", str(suite), "--tracking-uri", "none"]
    for more in ([], ["--likelihood", LOGISTIC]):
        done = bench(tmp_path, *words, *more, results=results, BENCH_CACHE=cache)
        assert done.code == 0, done.err
    assert f"likelihood={LOGISTIC}" in done.out
    assert "reconstruction_nll" in done.out
    assert "reconstruction_bce" not in done.out
    kept = [json.loads(path.read_text()) for path in results.glob("cells/*/record.json")]
    of = {(record["label"], record["likelihood"]) for record in kept}
    assert of == {(label, likelihood) for label in ("vae", "tvae", "pca") for likelihood in get_args(Likelihood)}
    boards = json.loads(here("leaderboard", "--all", "--format", "json", results=results).out)
    rows = {board["likelihood"]: {row["name"] for row in board["rows"]} for board in boards}
    assert rows == {"bernoulli": {"vae", "tvae", "pca"}, LOGISTIC: {"vae", "tvae", "pca"}}
    columns = {board["likelihood"]: {column["metric"] for column in board["columns"]} for board in boards}
    for likelihood, other in (("bernoulli", LOGISTIC), (LOGISTIC, "bernoulli")):
        assert columns[likelihood] & (OF["bernoulli"] | OF[LOGISTIC]) == OF[likelihood]
        assert not columns[likelihood] & OF[other]
