"""The arrows of the imports, held against the table of rooms, and what each way of starting loads."""

import ast
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bench", "methods", "metrics", "leaderboards")
BOTTOM = [
    "methods.base",
    "methods.parts",
    "methods.choices",
    "methods.backbones",
    "metrics.base",
    "metrics.functional",
    "metrics.features",
]
"""Of methods and metrics what bench may know: of a method or a metric itself it knows nothing."""
LAYERS = [
    [*BOTTOM, "bench.runtime"],
    ["bench.records", "bench.charts"],
    ["bench.config", "bench.datasets", "bench.tracking"],
    ["bench.training"],
    ["bench.scoring"],
    ["bench.pictures", "bench.perf"],
    ["bench.runner"],
    ["bench.tuning"],
    ["leaderboards"],
    ["bench.cli"],
    ["bench.__main__", "bench"],
]
"""From the bottom: a room of bench may import those of lower layers, and itself."""
MAY = {
    "methods.choices": [],
    "methods.backbones": [],
    "methods.parts": ["methods.parts", "methods.choices"],
    "methods.base": ["methods.parts", "methods.choices"],
    "methods": ["methods.base", "methods.parts", "methods.choices"],
    "metrics.base": [],
    "metrics.functional": ["metrics.functional", "metrics.base"],
    "metrics.features": ["metrics.features", "metrics.functional", "metrics.base"],
    "metrics": ["metrics.base", "metrics.functional", "metrics.features"],
    "leaderboards": ["leaderboards", "bench.records", "bench.charts", "bench.runtime.errors"],
}
"""What other packages may import of the project."""


class Import(NamedTuple):
    """One name that a file takes: dotted, as far as it is a module."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


def _module_file(name: str) -> str | None:
    path = ROOT / name.replace(".", "/")
    for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if file.is_file():
            return file.relative_to(ROOT).as_posix()
    return None


def _module_name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports_of(text: str, file: str) -> Iterator[Import]:
    """All of them, those inside functions and for type checkers as well."""
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
                yield Import(file, node.lineno, inner if _module_file(inner) else base)


def _imports() -> list[Import]:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    found = [one for path in files for one in _imports_of(path.read_text(), path.relative_to(ROOT).as_posix())]
    assert len(found) > 500
    return found


def _under(name: str, rooms: Iterable[str]) -> str:
    """The longest of these names that a module lies under; empty where it lies under none."""
    return max((room for room in rooms if f"{name}.".startswith(f"{room}.")), key=len, default="")


def _layer(name: str) -> tuple[int, str]:
    """The layer of a module, and its room. Above all where it stands in none of the table."""
    room = _under(name, [room for rooms in LAYERS for room in rooms])
    return next((at for at, rooms in enumerate(LAYERS) if room in rooms), len(LAYERS)), room


def _allowed(one: Import) -> bool:
    """Whether the arrow points down, or stays in its room."""
    package, user = one.file.split("/")[0], _module_name(one.file)
    if one.name.split(".")[0] not in PACKAGES:
        return package != "leaderboards" or one.name.split(".")[0] not in ("torch", "mlflow")
    if package != "bench":
        return bool(_under(one.name, MAY[_under(user, MAY)]))
    if one.name in ("methods", "metrics"):  # whose load() fills the registries
        return True
    (at, room), (of, other) = _layer(user), _layer(one.name)
    return room == other or of < at


def test_no_arrow_points_up() -> None:
    assert [str(one) for one in _imports() if not _allowed(one)] == []


def test_there_is_no_circle() -> None:
    """Of files, for type checkers too. A package's __init__.py is one of its files; that a module's packages run first is no arrow."""
    arrows: dict[str, set[str]] = {}
    for one in _imports():
        target = _module_file(one.name)
        if target and target != one.file:
            arrows.setdefault(one.file, set()).add(target)
    done: set[str] = set()

    def visit(file: str, path: tuple[str, ...]) -> None:
        assert file not in path, f"a circle: {' -> '.join([*path[path.index(file) :], file])}"
        if file not in done:
            for target in sorted(arrows.get(file, ())):
                visit(target, (*path, file))
            done.add(file)

    for file in sorted(arrows):
        visit(file, ())


def test_no_file_stands_flat_beside_the_rooms() -> None:
    assert {path.name for path in (ROOT / "bench").glob("*.py")} == {"__init__.py", "__main__.py"}
    rooms = {room.split(".")[1] for rooms in LAYERS for room in rooms if room.startswith("bench.")} - {"__main__"}
    folders = {path.parent.name for path in (ROOT / "bench").glob("*/*.py")}
    assert folders - {"suites"} == rooms


def test_tests_mirror_the_rooms() -> None:
    rooms = {path.parent.name for path in (ROOT / "bench").glob("*/*.py")} - {"suites"}
    assert {path.parent.name for path in (ROOT / "tests" / "bench").glob("*/test_*.py")} == rooms


def test_every_package_is_shipped() -> None:
    import tomllib

    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        _module_name(path.relative_to(ROOT).as_posix()) for p in PACKAGES for path in (ROOT / p).rglob("__init__.py")
    }
    assert set(shipped) == found


WRONG = {
    "methods/new.py": [
        "import bench.training.loop",
        "from methods import vae",
        "from methods.vae import VAE",
        "from . import vae",
        "from metrics.base import metric",
    ],
    "methods/parts/new.py": ["from methods.base import method", "from methods.vae import VAE"],
    "metrics/new.py": ["from metrics.likelihood import elbo", "from methods.base import Images", "import bench"],
    "metrics/base.py": ["from metrics import features"],
    "leaderboards/new.py": [
        "import torch",
        "from torch import nn",
        "from bench.runner import plan",
        "from bench.config.suite import Suite",
        "from bench.runtime.environment import versions",
    ],
    "bench/runtime/new.py": ["from bench.records import record"],
    "bench/records/new.py": ["from bench.charts import style", "from bench.config.suite import Suite"],
    "bench/charts/new.py": ["from bench.records.cells import curves"],
    "bench/datasets/new.py": ["from methods.cvae import CVAE", "from bench.config.suite import Suite"],
    "bench/training/new.py": [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bench.scoring.evidence import Evidence",
        "def later():\n    from bench.runner.cell import run_cell",
    ],
    "bench/scoring/new.py": ["import metrics.likelihood", "from bench.pictures.draw import draw"],
    "bench/tuning/new.py": ["import leaderboards", "from bench.cli.app import main"],
}
RIGHT = {
    "methods/new.py": [
        "import torch",
        "from methods.base import VAE",
        "from .parts import mlp",
        "from methods import base",
    ],
    "methods/base.py": ["from methods.parts import Images"],
    "leaderboards/new.py": [
        "from bench.records.record import Record",
        "from bench.records import record",
        "from bench.runtime.errors import UsageError",
        "import pandas",
    ],
    "bench/datasets/new.py": ["from bench.datasets.base import Dataset", "from .base import Dataset", "import torch"],
    "bench/scoring/new.py": [
        "import metrics",
        "from metrics.base import Items",
        "from bench.training.loop import Curves",
    ],
    "bench/cli/new.py": ["import leaderboards", "from bench.tuning.tune import tune"],
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
    found = [one for one in _imports_of(text, file) if one.name != "typing"]
    assert found
    assert all(map(_allowed, found)) == right


def test_mlflow_is_imported_where_it_is_written_to_alone() -> None:
    strangers = [one for one in _imports() if one.name.split(".")[0] == "mlflow" and "bench/tracking/" not in one.file]
    assert [str(one) for one in strangers] == []


# Sizes and copies.

LINES_OF_A_FILE, LINES_OF_A_FUNCTION, LINES_OF_A_COPY = 250, 50, 6
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_no_file_and_no_function_is_long() -> None:
    long = [f"{path}: {count}" for path in FILES if (count := len(path.read_text().splitlines())) > LINES_OF_A_FILE]
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                start = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                count = (node.end_lineno or start) - start + 1
                long += [f"{path}:{start} {node.name}: {count}"] if count > LINES_OF_A_FUNCTION else []
    assert long == []


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Lines of code by number: no import, no docstring, no comment, no signature of a constructor, nothing that only closes a bracket."""
    tree = ast.parse(text)
    out: set[int] = set()
    for node in ast.walk(tree):
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0) or 0
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Import | ast.ImportFrom) or docstring:
            out |= set(range(first, last + 1))
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            out |= set(range(first, node.body[0].lineno))
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if number not in out and line and not line.startswith("#"):
            yield number, line


def _copies(files: dict[str, str]) -> list[str]:
    """Where a run of lines of one file stands in another, or further down, again."""
    seen: dict[tuple[str, ...], str] = {}
    found: list[str] = []
    for name, text in files.items():
        lines = list(_statements(text))
        last = 0
        for at in range(len(lines) - LINES_OF_A_COPY + 1):
            run = tuple(line for _, line in lines[at : at + LINES_OF_A_COPY])
            place = f"{name}:{lines[at][0]}"
            if run in seen and lines[at][0] > last:
                found.append(f"{seen[run]} = {place}")
                last = lines[at + LINES_OF_A_COPY - 1][0]
            seen.setdefault(run, place)
    return found


def test_no_run_of_lines_is_written_twice() -> None:
    assert _copies({path.relative_to(ROOT).as_posix(): path.read_text() for path in FILES}) == []


def test_the_check_of_copies_tells_a_copy() -> None:
    body = "".join(f"    x{at} = {at}\n" for at in range(5)) + "    return x1\n"
    assert _copies({"a.py": f"def f():\n{body}", "b.py": f"def g():\n    y = 0\n{body}"}) == ["a.py:2 = b.py:3"]
    assert not _copies({"a.py": f"def f():\n{body}", "b.py": f"def g():\n{body.replace('x3', 'z')}"})
    init = "class A:\n    def __init__(\n        self,\n" + "".join(f"        o{at}: int,\n" for at in range(6))
    init += "    ):\n        self.a = 1\n"
    assert not _copies({"a.py": init, "b.py": init})


# What is loaded.


HEAVY = ["torch", "mlflow", "pandas", "sklearn", "scipy", "matplotlib", "torchvision", "numpy", "pydantic"]


def _loaded(statement: str) -> set[str]:
    """Which heavy packages a process of its own has loaded after a statement."""
    code = f"import sys\n{statement}\nprint([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ast.literal_eval(done.stdout.strip().splitlines()[-1]))


def _after(*words: object) -> str:
    """A statement that runs the command line in its process."""
    run = f"import bench.cli.app as app\nsys.argv = {['bench', *map(str, words)]!r}"
    return f"{run}\ntry:\n    app.main()\nexcept SystemExit as end:\n    assert not end.code, end.code"


@pytest.mark.parametrize("verb", [[], ["run"], ["leaderboard"], ["tune"], ["perf"], ["figure"]])
def test_help_loads_nothing_heavy(verb: list[str]) -> None:
    assert _loaded(_after(*verb, "--help")) <= {"pydantic"}, "which typer asks for by itself"


def test_help_takes_under_half_of_what_importing_torch_takes() -> None:
    def seconds(*words: str) -> float:
        """Of a processor's time: what else the machine does is no part of it."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert seconds("-m", "bench", "--help") < seconds("-c", "import torch") / 2


def test_reading_records_and_listing_data_sets_loads_nothing_heavy() -> None:
    rooms = "import bench.records.cells, bench.records.plan, bench.records.sources, bench.records.storage"
    assert _loaded(f"{rooms}, bench.datasets, bench.runtime.paths; bench.datasets.names()") == set()


def test_a_leaderboard_is_made_without_torch_and_mlflow() -> None:
    old = ROOT / "tests" / "data" / "old-results"
    assert "pandas" in _loaded(_after("leaderboard", "--results", old))
    assert not {"torch", "mlflow"} & _loaded(_after("leaderboard", "--results", old))
    assert not {"torch", "mlflow"} & _loaded("import leaderboards.figures; leaderboards.figures.load()")


def test_a_worker_loads_no_mlflow() -> None:
    assert "mlflow" not in _loaded("import bench.runner.preload")
