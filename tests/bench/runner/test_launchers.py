"""What is one of a kind is added by one file outside the project: a plug-in's, or a package's by entry points."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from helpers_e2e import ROOT, here, records, write_suite

import metrics.base
from bench.runner.launchers import local  # noqa: F401  so that what a test's patch of the registry takes back is not this one
from bench.runner.launchers.base import launcher, registry
from bench.runtime.errors import UsageError
from bench.runtime.registry import Registry

OWN = '''
"""A launcher that runs every cell in this very process, and says so."""

from bench.runner.cell import run_cell
from bench.runner.launchers.base import Ended, launcher
from bench.runner.prepare import prepare


@launcher("{name}")
class Own:
    def __init__(self, results, jobs, time_limit):
        self.results, self.jobs, self.time_limit = results, jobs, time_limit

    def prepare(self, plan, on_tick):
        prepare(plan)

    def run(self, plan, cells, on_start, on_end, on_tick):
        for cell in cells:
            on_start(cell)
            run_cell(plan, cell)
            (self.results / "own.txt").write_text(f"{{self.jobs}} {{self.time_limit}}")
            on_end(Ended(cell, None))
            on_tick()
'''
FIGURE = """
from leaderboards.figures.base import figure


@figure("own-figure", about="a figure of a package's own")
def draw(request):
    request.out.write_text("drawn")
    return [f"written: {request.out} of {request.suite}"]
"""


MEASURE = (ROOT / "examples" / "my_metric.py").read_text()


def _check_gap(results: Path, file: Path) -> None:
    """It is measured, and its file counts to what the score hangs on, not to what the training does."""
    for record in records(results).values():
        assert 0 < record["metrics"]["brightness_gap"] < 1
        assert record["scored"]["brightness_gap"]
        assert str(file) not in record["sources"]


def test_a_plug_in_adds_a_launcher_and_a_metric_with_evidence_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN.format(name="own"))
    (tmp_path / "gap.py").write_text(MEASURE)
    suite = write_suite(tmp_path, seeds=2, evaluation={"metrics": ["brightness_gap"]}, plugins=["gap.py"])
    words = ["--plugin", tmp_path / "own.py", "--launcher", "own", "--jobs", 2, "--time-limit", 50]
    found = here("run", "--suite", suite, *words, results=tmp_path / "results")
    assert found.code == 0, found.out + found.err
    assert (tmp_path / "results" / "own.txt").read_text() == "2 50.0"
    _check_gap(tmp_path / "results", tmp_path / "gap.py")


def test_an_unknown_one_is_refused_before_anything_is_read_or_written(tmp_path: Path) -> None:
    said = here("run", "--suite", write_suite(tmp_path), "--launcher", "locla", results=tmp_path / "results").refusal()
    assert "--launcher" in said
    assert "did you mean 'local'" in said
    assert not (tmp_path / "results").exists()


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="local"):
        launcher("local")(lambda results, jobs, time_limit: None)  # type: ignore[arg-type,return-value]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as pip would install it, with one of each by entry points; gives the folder to have on the path."""
    site = tmp_path / "site"
    (site / "extras-1.0.dist-info").mkdir(parents=True)
    (site / "extras-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: extras\nVersion: 1.0\n")
    points = "[bench.launchers]\npackaged = extras\n[bench.figures]\nown-figure = extras_figure\n"
    points += "[bench.metrics]\nbrightness_gap = extras_metric\n[bench.evidence]\nbrightness_test = extras_metric\n"
    (site / "extras-1.0.dist-info" / "entry_points.txt").write_text(points)
    (site / "extras.py").write_text(OWN.format(name="packaged"))
    (site / "extras_figure.py").write_text(FIGURE)
    (site / "extras_metric.py").write_text(MEASURE)
    return site


@pytest.fixture
def on_the_path(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package can be imported; what it registers is forgotten again."""
    monkeypatch.syspath_prepend(package)
    with contextlib.ExitStack() as held:
        for one in (metrics.base.registry, *Registry.every):
            held.enter_context(mock.patch.dict(one))
        yield
    for name in ("extras", "extras_figure", "extras_metric"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("on_the_path")
def test_a_package_adds_a_launcher_a_metric_with_evidence_and_a_figure(tmp_path: Path, package: Path) -> None:
    results, drawn = tmp_path / "results", tmp_path / "a.png"
    suite = write_suite(tmp_path, evaluation={"metrics": ["brightness_gap"]})
    done = here("run", "--suite", suite, "--launcher", "packaged", results=results)
    assert done.code == 0, done.out + done.err
    _check_gap(results, package / "extras_metric.py")
    assert (results / "own.txt").is_file()
    done = here("figure", "own-figure", "--suite", "tiny", "--out", drawn, results=results)
    assert done.out.strip() == f"written: {drawn} of tiny"
    assert drawn.read_text() == "drawn"


@pytest.mark.parametrize("broken", ["import not_there\n", "def (:\n", OWN.format(name="local")])
def test_a_package_that_cannot_be_loaded_is_named(
    broken: str, tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "extras.py").write_text(broken)
    monkeypatch.syspath_prepend(package)
    with (
        mock.patch.dict(registry),
        pytest.raises(UsageError, match=r"^entry point packaged = extras of bench\.launchers"),
    ):
        registry.load()
