"""Loading plug-ins: whole or not at all, and never with another one's modules."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import pytest
from helpers_code import Plugin, code, known_metrics
from helpers_e2e import ROOT

from bench.config.plugins import load_plugin
from bench.datasets.registry import registry as datasets
from bench.runtime.errors import UsageError
from bench.scoring.evidence import registry as evidence
from bench.scoring.selection import choose


def test_a_helper_that_another_plug_ins_helper_stands_for_is_refused(plugin: Plugin, tmp_path: Path) -> None:
    plugin("left", "import shared_y", tmp_path / "left", shared_y="thing = 1\n")
    with pytest.raises(UsageError, match=r"shared_y\.py.*rename"):
        plugin("right", "import shared_y", tmp_path / "right", shared_y="thing = 2\n")


BEGUN = """
import helper_z
from bench.datasets import dataset
from metrics.base import metric

@metric(source="s")
def begun_z(seed): return 1.0

@dataset("begun_z", source="", licence="", about="")
def begun(root, *, download): ...
"""
BROKEN = {
    "no Python": ("def (", "invalid syntax"),
    "it raises": ("raise RuntimeError('first\\nsecond')", "RuntimeError: first"),
    "it ends": ("import sys\nsys.exit('bye')", "bye"),
    "a name that its helper has not": ("helper_z.missing", "missing"),
    "a taken name": (
        "from methods.base import AbstractMethod, method\nmethod('vae', source='')(AbstractMethod)",
        "'vae'",
    ),
}


@pytest.mark.parametrize(("end", "said"), BROKEN.values(), ids=BROKEN)
def test_a_plug_in_that_fails_leaves_nothing_and_mended_it_loads(
    end: str, said: str, plugin: Plugin, tmp_path: Path
) -> None:
    file = tmp_path / "broken.py"
    file.write_text(f"{BEGUN}{end}\n")
    (tmp_path / "helper_z.py").write_text("thing = 1\n")
    before = dict(known_metrics), dict(datasets), set(sys.modules), list(sys.path)
    with pytest.raises(UsageError, match=f"^plug-in {file}: .*{said}") as problem:
        load_plugin(str(file))
    assert "\n" not in str(problem.value)
    assert (dict(known_metrics), dict(datasets), set(sys.modules), list(sys.path)) == before
    file.write_text(BEGUN)
    for _ in range(2):  # twice is once
        load_plugin(str(file))
    assert "begun_z" in known_metrics.keys() & datasets.keys()
    del known_metrics["begun_z"], datasets["begun_z"]


def test_a_plug_in_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.py", tmp_path, tmp_path / "none.txt"):
        with pytest.raises(UsageError, match=f"{path}: no such Python file"):
            load_plugin(str(path))


def test_a_helper_that_another_plug_ins_would_stand_for_later_is_refused(plugin: Plugin, tmp_path: Path) -> None:
    later = "def later():\n    import common_l\n    return common_l.x"
    plugin("left_l", later, tmp_path / "left", common_l="x = 1\n")
    with pytest.raises(UsageError, match="common_l"):
        plugin("right_l", later, tmp_path / "right", common_l="x = 2\n")
    plugin("third_l", later, tmp_path / "third", common_l="x = 1\n")  # an equal copy does no harm


def test_a_plug_in_may_have_the_name_of_an_installed_package(plugin: Plugin, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise RuntimeError('never run')\n")
    assert str(tmp_path / "torch.py") not in code(plugin("scipy", "import scipy.stats, torch"))


EVIDENCE = "from bench.scoring.evidence import evidence\n@evidence\ndef "
LAUNCHER = "from bench.runner.launchers.base import launcher\n@launcher('local')\nclass Own: ..."
DATA = "from bench.datasets import dataset\n@dataset('digits', source='', licence='', about='')\ndef own(): ..."
FIRST = {
    "evidence": (f"{EVIDENCE}samples(test): ...", "'samples' is already registered"),
    "handed": (f"{EVIDENCE}settings(test): ...", "'settings': a cell hands over something of this name"),
    "launcher": (LAUNCHER, "'local' is already registered"),
    "data": (DATA, "'digits' is already registered"),
    "metric": (
        "from metrics.base import metric\n@metric(source='')\ndef elbo(seed): ...",
        "elbo is already registered",
    ),
    "failing": (f"{EVIDENCE}own(samples): ...\nfail", "NameError"),
    "right": (f"{EVIDENCE}own(samples): ...", "loaded"),
}
FRESH = """
import os, sys
import bench.cli.runs, metrics
from bench.config.plugins import load_plugin
from bench.scoring.evidence import registry

metrics.load()
for path in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    try:
        load_plugin(path)
    except ValueError as problem:
        print(problem)
    else:
        print(path, "is loaded")
    print("own" in registry, registry["samples"].plugin, [name for name, one in registry.items() if one.plugin])
    sys.stdout.flush()
    os._exit(0)
"""


def test_what_is_ours_is_there_before_a_plug_in_that_is_loaded_first(tmp_path: Path) -> None:
    """Its names are taken, and it is no part of the plug-in: neither marked as its own, so as to hang on it, nor taken back with it."""
    files = [tmp_path / f"{name}.py" for name in FIRST]
    for file, (text, _) in zip(files, FIRST.values(), strict=True):
        file.write_text(f"{text}\n")
    command = [sys.executable, "-c", FRESH, *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    for name, said, left in zip(FIRST, lines[::2], lines[1::2], strict=True):
        assert str(tmp_path / f"{name}.py") in said
        assert FIRST[name][1] in said
        assert left == ("True  ['own']" if name == "right" else "False  []")


@pytest.fixture
def own(plugin: Plugin, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Loads a plug-in of evidence of this text, which is forgotten again."""

    def loaded(text: str) -> None:
        (tmp_path / "own.py").write_text(text)
        load_plugin(str(tmp_path / "own.py"))

    with mock.patch.dict(evidence):
        yield loaded


def test_what_would_be_read_from_itself_is_refused(own: Callable[[str], None]) -> None:
    own(f"{EVIDENCE}one(two): ...\n@evidence\ndef two(one): ...\n")
    with pytest.raises(UsageError, match=r"evidence (one <- two <- one|two <- one <- two)"):
        choose([])


ANNOTATED = {
    "Any": True,
    "object": True,
    "Encodes | Samples": True,
    "Encoder": False,
    "Iterable[int]": False,
}


@pytest.mark.parametrize(("annotation", "right"), ANNOTATED.items())
def test_a_capability_that_no_method_can_be_held_against_is_refused(
    annotation: str, right: bool, own: Callable[[str], None]
) -> None:
    imports = (
        "from typing import Any\nfrom collections.abc import Iterable\nfrom methods.base import Encodes, Samples\n"
    )
    text = f"from __future__ import annotations\n{imports}{EVIDENCE}own(method: {annotation}): ...\n"
    with nullcontext() if right else pytest.raises(UsageError, match=re.escape(annotation)):
        own(text)
