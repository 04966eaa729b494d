"""A training that is interrupted goes on from its checkpoint: state, streams, optimiser and curves are those of one that was not."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.config.budget import Budget
from bench.runtime.clock import Clock
from bench.training import checkpoint
from bench.training.loop import state_digest
from bench.training.trainer import Training, TrainingResult, initialised
from methods.base import AbstractMethod, Images, ImageSpec, TrainingData, part

CPU = torch.device("cpu")


class Interrupted(BaseException):
    """As a kill: nothing of the training's own catches it."""


@pytest.fixture(autouse=True)
def _at_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 0.0)


def run(
    spec: ImageSpec, data: TrainingData, test: Images, folder: Path | None, stop_at: int = 0, **budget: Any
) -> tuple[AbstractMethod, TrainingResult, list[int]]:
    decay, name = budget.pop("decay", False), budget.pop("method", "kmeans-vae")
    method, trained, epochs = initialised(lambda: part(name, spec, latent=3, hidden=8), 3, CPU), TrainingResult(), []

    def watch(stage: str, epoch: int, of: int) -> None:
        epochs.append(epoch)
        if epoch == stop_at:
            raise Interrupted

    given = Budget(epochs=4, batch=16, **budget)
    training = Training(
        method, data, test, given, 3, Clock(CPU), watch, folder, None, checkpoint.Checkpoint, decay=decay
    )
    try:
        training.run_seeded(trained)
    except Interrupted:
        assert stop_at
    return method, trained, epochs


@pytest.mark.parametrize("stop_at", [1, 3, 4])
@pytest.mark.parametrize(
    "how", [{}, {"optimiser": "adadelta"}, {"decay": True}, {"precision": "bf16"}, {"method": "tvae"}], ids=str
)
def test_it_goes_on_to_the_same_bits(
    tmp_path: Path, spec: ImageSpec, data: TrainingData, test_images: Images, how: dict[str, Any], stop_at: int
) -> None:
    whole, expected, _ = run(spec, data, test_images, None, **how)
    _, _, first = run(spec, data, test_images, tmp_path, stop_at, **how)
    method, trained, then = run(spec, data, test_images, tmp_path, **how)
    assert state_digest(method.state_dict()) == state_digest(whole.state_dict())
    assert trained.curves == expected.curves
    assert first == list(range(1, stop_at + 1))
    assert then[: 4 - stop_at] == list(range(stop_at + 1, 5)), "none is trained twice"
    assert trained.borrowed_seconds > 0 == expected.borrowed_seconds


def test_a_checkpoint_that_cannot_be_written_or_read_costs_time_alone(
    tmp_path: Path, spec: ImageSpec, data: TrainingData, test_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _, _ = run(spec, data, test_images, None)
    run(spec, data, test_images, tmp_path, 2)
    (file,) = tmp_path.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-9])
    (tmp_path / "full").touch()
    monkeypatch.setattr(checkpoint, "keep_tensors", lambda *given: (tmp_path / "full" / "a").touch())
    method, _, epochs = run(spec, data, test_images, tmp_path)
    assert epochs == [1, 2, 3, 4]
    assert state_digest(method.state_dict()) == state_digest(whole.state_dict())
