"""The arrows of the imports: which room may know which."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("bench", "methods", "metrics", "leaderboards")
MLFLOW = {"bench/_mlflow.py", "bench/_run_content.py", "bench/track.py"}


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    name: str
    """Dotted, with what is taken out of it where that is a module of the project: bench.record, methods.base."""

    @property
    def room(self) -> str:
        return self.name.split(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _imports_of(text: str, file: str) -> Iterator[Import]:
    package = file.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(file, node.lineno, inner if _is_module(inner) else base)


def _imports(*rooms: str) -> list[Import]:
    files = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    assert files
    return [one for path in files for one in _imports_of(path.read_text(), path.relative_to(ROOT).as_posix())]


def _allowed(one: Import) -> bool:
    """Whether the arrow points the right way. `__init__.py` of methods and metrics load their room by name, not by import."""
    room = one.file.split("/")[0]
    if one.room not in ROOMS:
        return room != "leaderboards" or one.room not in ("torch", "mlflow")
    if room == "leaderboards":
        return one.room == "leaderboards" or one.name == "bench.record"
    if one.file.startswith("methods/parts/"):
        return one.name.startswith("methods.parts.")
    if room == "methods":
        return one.name in {"methods.base": {"methods.parts"}, "methods.parts": set()}.get(
            one.file.removesuffix(".py").replace("/", "."), {"methods.base", "methods.parts"}
        )
    if room == "metrics":
        return one.name in {"metrics.base": set(), "metrics.features": {"metrics.base"}}.get(
            one.file.removesuffix(".py").replace("/", "."), {"metrics.base", "metrics.features"}
        )
    if one.room == "leaderboards":
        return one.file in ("bench/cli.py", "bench/verbs.py")
    shared = {"methods", "methods.base", "methods.parts"}
    shared |= {"metrics", "metrics.base", "metrics.features", "metrics.resnet"}
    return one.room == "bench" or one.name in shared


@pytest.mark.parametrize("room", ROOMS)
def test_no_arrow_points_the_wrong_way(room: str) -> None:
    assert [str(one) for one in _imports(room) if not _allowed(one)] == []


def test_mlflow_is_imported_where_it_is_written_to_alone() -> None:
    assert {str(one) for one in _imports(*ROOMS) if one.room == "mlflow" and one.file not in MLFLOW} == set()


WRONG = {
    "methods/new.py": [
        "import bench.loop",
        "from methods import vae",
        "from methods.vae import VAE",
        "from . import vae",
    ],
    "methods/parts/new.py": ["from methods.base import method", "from methods.vae import VAE"],
    "metrics/new.py": ["from metrics.likelihood import elbo", "from methods.base import Images", "import bench"],
    "metrics/base.py": ["from metrics import features"],
    "leaderboards/new.py": [
        "import torch",
        "from torch import nn",
        "from bench import plan",
        "from bench.suite import Plan",
    ],
    "bench/new.py": [
        "from methods.vae import VAE",
        "from methods import vae",
        "import metrics.likelihood",
        "import leaderboards",
    ],
    "bench/datasets/new.py": ["from methods.cvae import CVAE"],
}
RIGHT = {
    "methods/new.py": [
        "import torch",
        "from methods.base import VAE",
        "from .parts import mlp",
        "from methods import base",
    ],
    "leaderboards/new.py": ["from bench.record import Record", "from bench import record", "import pandas"],
    "bench/datasets/new.py": ["from bench.datasets.base import Dataset", "from .base import Dataset", "import torch"],
    "bench/cli.py": ["import leaderboards"],
}


@pytest.mark.parametrize(
    ("file", "text", "right"),
    [
        (file, text, right)
        for right, known in ((False, WRONG), (True, RIGHT))
        for file, texts in known.items()
        for text in texts
    ],
)
def test_the_check_tells_right_from_wrong(file: str, text: str, right: bool) -> None:
    assert all(map(_allowed, _imports_of(text, file))) == right


HEAVY = ["torch", "mlflow", "pandas", "sklearn", "scipy", "matplotlib", "torchvision", "numpy", "pydantic"]


def _loaded(statement: str, *also: str) -> list[str]:
    """Which heavy packages a process of its own has loaded after a statement."""
    code = f"import sys; {statement}; print([name for name in {[*HEAVY, *also]} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return ast.literal_eval(done.stdout.strip().splitlines()[-1])


def test_the_command_line_loads_nothing_heavy() -> None:
    assert _loaded("import bench.cli") == []


def test_reading_records_and_listing_data_sets_loads_nothing_heavy() -> None:
    assert _loaded("import bench.record, bench.datasets, bench.paths; bench.datasets.names()") == []


def test_a_leaderboard_is_made_without_torch_and_mlflow() -> None:
    found = _loaded("import leaderboards.table, leaderboards.render, leaderboards.published")
    assert not {"torch", "mlflow"} & set(found)


def test_a_worker_loads_no_mlflow() -> None:
    assert not {"mlflow"} & set(_loaded("import bench.launch.worker"))
