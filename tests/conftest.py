"""Shapes of the package `methods` are checked in every test; no test touches the user's cache or results; a tiny data set."""

from collections.abc import Iterator

import pytest
from jaxtyping import install_import_hook

# Before anything imports `methods`: the hook sees only what is imported after it.
install_import_hook("methods", "beartype.beartype")

import torch  # noqa: E402

from methods.base import Images, ImageSpec, TrainingData  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Cache and results of this session alone, and one width of lines, for this process and those that it starts."""
    root = tmp_path_factory.mktemp("latentbench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(root / "cache"))
        patch.setenv("BENCH_RESULTS", str(root / "results"))
        patch.setenv("COLUMNS", "160")
        yield


def _images(count: int, spec: ImageSpec, seed: int) -> Images:
    """Noise around one pattern a class; labels run through the classes in turn, the first of them twice."""
    random = torch.Generator().manual_seed(seed)
    patterns = torch.rand(
        spec.classes, spec.channels, spec.height, spec.width, generator=torch.Generator().manual_seed(0)
    )
    y = torch.arange(count) % (spec.classes + 1) % spec.classes
    noise = torch.rand(count, spec.channels, spec.height, spec.width, generator=random)
    return Images(((0.7 * patterns[y] + 0.3 * noise) * 255).to(torch.uint8), y)


@pytest.fixture
def spec(request: pytest.FixtureRequest) -> ImageSpec:
    """In colour and not square, so that no two axes can be taken for each other; large enough for a test's convolutions."""
    callspec = getattr(request.node, "callspec", None)
    conv = callspec is not None and callspec.params.get("options", {}).get("backbone") == "conv32"
    return ImageSpec(channels=3, height=28 if conv else 8, width=36 if conv else 12, classes=4)


@pytest.fixture
def data(spec: ImageSpec) -> TrainingData:
    """50 training images, all different: batches of 16 leave a last one of 2."""
    return TrainingData(_images(50, spec, 1), _images(12, spec, 2), spec.classes)


@pytest.fixture
def test_images(spec: ImageSpec) -> Images:
    return _images(20, spec, 3)
