"""Loading plug-ins: whole or not at all, and never with another one's modules."""

import sys
from pathlib import Path

import pytest
from helpers_code import Plugin, code, known_metrics

from bench.config.plugins import load_plugin
from bench.datasets.registry import registry as datasets
from bench.runtime.errors import UsageError


def test_a_helper_that_another_plug_ins_helper_stands_for_is_refused(plugin: Plugin, tmp_path: Path) -> None:
    plugin("left", "import shared_y", tmp_path / "left", shared_y="thing = 1\n")
    with pytest.raises(UsageError, match=r"shared_y\.py.*rename"):
        plugin("right", "import shared_y", tmp_path / "right", shared_y="thing = 2\n")


def test_a_plug_in_that_fails_leaves_nothing_and_mended_it_loads(tmp_path: Path) -> None:
    broken = "import helper_z\nfrom metrics.base import metric\n@metric(source='s')\ndef broken_z(seed): return 1.0\n"
    broken += "from bench.datasets import dataset\n@dataset('odd_z', source='', licence='', about='')\ndef odd(root, *, download): ...\n"
    (tmp_path / "broken.py").write_text(broken + "helper_z.missing\n")
    (tmp_path / "helper_z.py").write_text("x = 1\n")
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
