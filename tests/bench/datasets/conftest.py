"""Small data in the official layouts, made in tmp_path."""

import http.client
import os
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torchvision

from bench.datasets import DataError, idx

WriteIdx = Callable[[Path, np.ndarray], None]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test and no user shares."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def write_idx() -> WriteIdx:
    def write(path: Path, array: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        path.write_bytes(bytes((0, 0, 8, array.ndim)) + sizes + array.astype(np.uint8).tobytes())

    return write


@pytest.fixture
def tiny_mnist(tmp_path: Path, write_idx: WriteIdx, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with MNIST/raw of 20 + 10 images; no digests are known for them."""
    monkeypatch.setattr(idx, "SHA256", {})
    raw = tmp_path / "root" / "MNIST" / "raw"
    random = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 10)):
        write_idx(raw / f"{part}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28)))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    return tmp_path / "root"


@pytest.fixture
def real_data() -> Path:
    """A folder with MNIST whole: $BENCH_TEST_DATA, else ../shared/data beside the repository."""
    given = os.environ.get("BENCH_TEST_DATA")
    folder = Path(given) if given else Path(__file__).parents[4] / "shared" / "data"
    if not (folder / "MNIST" / "raw").is_dir():
        pytest.skip(f"no MNIST/raw in {folder}: set BENCH_TEST_DATA to a data root that has it")
    return folder


@pytest.fixture
def refused() -> Callable[..., AbstractContextManager[None]]:
    """Expects a DataError of one line that holds each of the given parts."""

    @contextmanager
    def check(*parts: object) -> Iterator[None]:
        with pytest.raises(DataError) as problem:
            yield
        message = str(problem.value)
        assert "\n" not in message
        assert not [part for part in map(str, parts) if part not in message], message

    return check


@pytest.fixture(params=["direct", "torchvision's own", "cut off"])
def no_network(request, monkeypatch):
    """A network that fails in each of the ways that reach us; gives what the message must say of it."""

    def fail(*args, **kwargs):
        if request.param == "cut off":
            raise http.client.IncompleteRead(b"")
        reason = urllib.error.URLError("Name or service not known")
        if request.param == "direct":
            raise reason
        raise RuntimeError(
            f"Error downloading x.gz:\nTried http://a/, got:\n{reason}\nTried http://b/, got:\n{reason}\n"
        )

    for kind in (torchvision.datasets.MNIST, torchvision.datasets.CIFAR10):
        monkeypatch.setattr(kind, "download", fail)
    return "IncompleteRead" if request.param == "cut off" else "(Name or service not known)"
