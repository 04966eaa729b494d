"""Loading plug-ins: whole or not at all, and never with another one's modules."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers_code import Plugin, code, known_metrics
from helpers_e2e import ROOT, bench, here

from bench.config.plugins import load_plugin
from bench.datasets.registry import registry as datasets
from bench.runtime.errors import UsageError
from bench.runtime.registry import Registry


def test_a_helper_that_another_plug_ins_helper_stands_for_is_refused(plugin: Plugin, tmp_path: Path) -> None:
    plugin("left", "import shared_y", tmp_path / "left", shared_y="thing = 1\n")
    with pytest.raises(UsageError, match=r"shared_y\.py.*rename"):
        plugin("right", "import shared_y", tmp_path / "right", shared_y="thing = 2\n")


def test_a_plug_in_that_fails_leaves_nothing_and_mended_it_loads(tmp_path: Path) -> None:
    broken = "import helper_z\nfrom metrics.base import metric\n@metric(source='s')\ndef broken_z(seed): return 1.0\n"
    broken += "from bench.datasets import dataset\n@dataset('odd_z', source='', licence='', about='')\ndef odd(root, *, download): ...\n"
    (tmp_path / "broken.py").write_text(broken + "helper_z.missing\n")
    (tmp_path / "helper_z.py").write_text("x = 1\n")
    for registry in Registry.every:
        registry.load_ours()
    before = dict(known_metrics), dict(datasets), set(sys.modules), list(sys.path)
    with pytest.raises(UsageError, match="missing"):
        load_plugin(str(tmp_path / "broken.py"))
    assert (dict(known_metrics), dict(datasets), set(sys.modules), list(sys.path)) == before
    (tmp_path / "helper_z.py").write_text("missing = 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(sys, "dont_write_bytecode", True)
        load_plugin(str(tmp_path / "broken.py"))
        assert "broken_z" in known_metrics
        load_plugin(str(tmp_path / "broken.py"))  # once is enough
    del known_metrics["broken_z"], datasets["odd_z"]


def test_a_helper_that_another_plug_ins_would_stand_for_later_is_refused(plugin: Plugin, tmp_path: Path) -> None:
    later = "def later():\n    import common_l\n    return common_l.x"
    plugin("left_l", later, tmp_path / "left", common_l="x = 1\n")
    with pytest.raises(UsageError, match="common_l"):
        plugin("right_l", later, tmp_path / "right", common_l="x = 2\n")
    plugin("third_l", later, tmp_path / "third", common_l="x = 1\n")  # an equal copy does no harm


def test_a_plug_in_may_have_the_name_of_an_installed_package(plugin: Plugin, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise RuntimeError('never run')\n")
    assert str(tmp_path / "torch.py") not in code(plugin("scipy", "import scipy.stats, torch"))


TAKEN = {
    "evidence": "from bench.scoring.evidence import evidence\n@evidence\ndef samples(test): ...",
    "handed": "from bench.scoring.evidence import evidence\n@evidence\ndef settings(test): ...",
    "launcher": "from bench.runner.launchers.base import launcher\n@launcher('local')\nclass Own: ...",
    "data": "from bench.datasets import dataset\n@dataset('digits', source='', licence='', about='')\ndef own(): ...",
    "metric": "from metrics.base import metric\n@metric(source='', scores={})\ndef elbo(seed): ...",
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_name_of_ours_is_taken_whatever_was_loaded_first(kind: str, tmp_path: Path) -> None:
    """In a process of its own, where the plug-in is the first thing that is loaded."""
    (tmp_path / "own.py").write_text(TAKEN[kind] + "\n")
    said = bench(tmp_path, "run", "--suite", "smoke", "--plugin", tmp_path / "own.py", "--dry-run").refusal()
    assert "own.py" in said


def test_what_would_be_read_from_itself_is_refused(tmp_path: Path) -> None:
    text = "from bench.scoring.evidence import evidence\n@evidence\ndef one(two): ...\n@evidence\ndef two(one): ...\n"
    (tmp_path / "own.py").write_text(text)
    said = here("run", "--suite", "smoke", "--plugin", tmp_path / "own.py", "--dry-run").refusal()
    assert "one" in said
    assert "two" in said


@pytest.mark.parametrize("fails", [True, False])
def test_what_is_ours_is_no_part_of_a_plug_in_that_is_loaded_first(fails: bool, tmp_path: Path) -> None:
    """Neither marked as the plug-in's, which would make its file count to our scores, nor taken back with it."""
    text = "from bench.scoring.evidence import evidence\n@evidence\ndef own(samples): ...\n" + "fail\n" * fails
    (tmp_path / "own.py").write_text(text)
    code = (
        "from bench.scoring import evidence\nfrom bench.config.plugins import load_plugin\n"
        f"try:\n    load_plugin({str(tmp_path / 'own.py')!r})\nexcept ValueError:\n    pass\n"
        "known = evidence.registry\nprint('own' in known, [one.plugin for one in known.values() if one.name != 'own' and one.plugin])\n"
        "print('samples' in known, known['samples'].plugin)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == [f"{not fails} []", "True "]


ANNOTATED = {
    "Any": True,
    "object": True,
    "Encodes | Samples": True,
    "Encoder": False,
    "Iterable[int]": False,
}


@pytest.mark.parametrize("annotation", ANNOTATED)
def test_a_capability_that_no_method_can_be_held_against_is_refused(annotation: str, tmp_path: Path) -> None:
    imports = (
        "from typing import Any\nfrom collections.abc import Iterable\nfrom methods.base import Encodes, Samples\n"
    )
    text = f"from __future__ import annotations\n{imports}from bench.scoring.evidence import evidence\n"
    (tmp_path / "own.py").write_text(f"{text}@evidence\ndef own(method: {annotation}): ...\n")
    found = here("run", "--suite", "smoke", "--methods", "pca-20", "--plugin", tmp_path / "own.py", "--dry-run")
    if ANNOTATED[annotation]:
        assert found.code == 0, found.err
    else:
        assert annotation in found.refusal()
