"""Evidence of briefly trained methods, for what reads it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from helpers_code import HELPED, Edit, known_methods
from helpers_e2e import CLOSED

import methods
from bench.config.budget import Budget
from bench.config.options import build, find
from bench.config.plugins import load_plugin
from bench.config.suite import Evaluation
from bench.records.imports import ROOT
from bench.runtime.clock import Clock
from bench.runtime.registry import Registry
from bench.runtime.seeds import seeded
from bench.scoring.cache import Cache
from bench.scoring.classifier import Neutral
from bench.scoring.evidence import Cost, Evidence, registry
from bench.training.trainer import train
from methods.base import Images, ImageSpec, TrainingData
from metrics.base import Unavailable
from metrics.features import NeutralClassifier

methods.load()
registry.load()
CPU = torch.device("cpu")

Make = Callable[..., Evidence]


@pytest.fixture
def make(spec: ImageSpec, data: TrainingData, test_images: Images, tmp_path: Path) -> Make:
    """Evidence of a method by name, briefly trained, with a neutral classifier of the given accuracy."""
    torch.manual_seed(0)
    classifier = NeutralClassifier((spec.channels, spec.height, spec.width), spec.classes).eval()

    def made(
        name: str = "lambda-hot", accuracy: float = 0.9, seed: int = 0, costs: Cost | None = None, **options: Any
    ) -> Evidence:
        torch.manual_seed(0)
        method = build(name, find(name), spec, options)
        with seeded(0, "noise", CPU):
            curves = train(method, data, test_images, Budget(epochs=1, batch=16), 0, Clock(CPU))
        settings = Evaluation(
            samples=30, samples_per_class=3, importance_samples=6, importance_images=7, neutral_floor=0.8
        )
        return Evidence(
            method.eval(),
            data,
            test_images,
            settings,
            seed,
            costs or Cost(2.0, curves.trained_images, 3 * 2**20, 11),
            load_neutral=lambda: Neutral(classifier, "hash of it", accuracy),
            load_inception=mock.Mock(side_effect=Unavailable("no weights here")),
            originals_name="tiny",
            train_name="tiny-train",
            cache=Cache(tmp_path),
        )

    return made


@pytest.fixture
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's data or settings, writes outside its folder or reaches a network."""
    monkeypatch.setenv("BENCH_DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, CLOSED)


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Edit:
    """Lets a file of the project, or a plug-in's, have more text than it has on the disk."""
    more: dict[Path, str] = {}
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: real(path) + more.get(path, "").encode())

    def edited(name: str, text: str) -> None:
        path = ROOT / name
        assert path.is_file(), path
        more[path] = text

    return edited


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Loads a plug-in with other files beside it; gives its method's entry. Registries and modules are put back afterwards."""
    for kind in Registry.every:
        kind.load_ours()
    before, modules, path = dict(known_methods), dict(sys.modules), list(sys.path)

    def loaded(name: str, statement: str, folder: Path = tmp_path, **others: str) -> Any:
        for other, text in others.items():
            file = folder / f"{other.replace('__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (folder / f"{name}.py").write_text(HELPED.format(name=name, statement=statement))
        load_plugin(str(folder / f"{name}.py"))
        return known_methods[name]

    yield loaded
    known_methods.clear()
    known_methods.update(before)
    for added in set(sys.modules) - set(modules):
        del sys.modules[added]
    sys.path[:] = path
