"""What a file takes from others, as far as they are the project's or a plug-in's own."""

import sys
from pathlib import Path
from unittest import mock

import pytest
from helpers_code import Edit, Plugin, changed, code, known_methods, known_metrics

from bench.config.plugins import load_plugin
from bench.records import sources
from bench.scoring.selection import code_of_score

BY_FILE = """
import importlib.util
from pathlib import Path
spec = importlib.util.spec_from_file_location("by_file", Path(__file__).with_name("helper_f.py"))
spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""


@pytest.mark.parametrize(
    ("statement", "helper"),
    [
        ("import helper_a", "helper_a"),
        ("from helper_b import thing", "helper_b"),
        ("import helper_c as h\nthing = h.thing", "helper_c"),
        ("def later():\n    from helper_d import thing", "helper_d"),
        ("import importlib\nh = importlib.import_module('helper_e')", "helper_e"),
        (BY_FILE, "helper_f"),
        ("from package_g import helper", "package_g__helper"),
        ("import package_h.helper", "package_h__helper"),
        ("import helper_i", "helper_i"),
    ],
)
def test_a_plug_ins_helper_changes_that_plug_in_alone(
    statement: str, helper: str, plugin: Plugin, edit: Edit, tmp_path: Path
) -> None:
    if helper == "helper_i":
        (tmp_path / "__init__.py").write_text("")  # a folder that is a package as well
    one = plugin("helped", statement, **{helper: "thing = 1\n"})
    other = plugin("unhelped", "")

    def digests() -> dict[str, str]:
        entries = {"helped": one, "unhelped": other, "vae": known_methods["vae"]}
        found = {name: code(entry) for name, entry in entries.items()}
        assert str(tmp_path / f"{helper.replace('__', '/')}.py") in found["helped"]
        return {name: sources.combined(one) for name, one in found.items()}

    before = digests()
    edit(str(tmp_path / f"{helper.replace('__', '/')}.py"), "\n# a comment\n")
    assert digests() == before
    edit(str(tmp_path / f"{helper.replace('__', '/')}.py"), "\nmore = 1\n")
    assert changed(before, digests()) == {"helped"}


def test_what_a_helper_imports_counts_as_well_and_where_it_lies_does_not(plugin: Plugin, tmp_path: Path) -> None:
    found = []
    for folder in (tmp_path / "here", tmp_path / "there"):
        entry = plugin("deep", "import first_x", folder, first_x="import second_x\n", second_x="thing = 1\n")
        own = code(entry)
        assert {"deep.py", "first_x.py", "second_x.py", "vae.py"} <= {Path(name).name for name in own}
        found.append(sources.combined(own))
        for name in ("first_x", "second_x"):
            del sys.modules[name]
        del known_methods["deep"]
        sys.path.remove(str(folder))
    assert found[0] == found[1]


def read_from(folder: Path, **files: str) -> set[str]:
    """Which of these files `user` takes something from, and itself; a name may lead through folders."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(text)
    return {str(Path(name).relative_to(folder)) for name in sources.of_files(folder / "user.py")}


def test_what_is_imported_for_type_checkers_alone_does_not_count(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import unseen\nelse:\n    import seen\n"
    assert read_from(tmp_path, user=text, seen="x = 1\n", unseen="x = 1\n") == {"user.py", "seen.py"}


def test_of_our_packages_a_name_counts_as_the_module_that_defines_it(tmp_path: Path) -> None:
    def of(statement: str) -> set[str]:
        (tmp_path / "user.py").write_text(statement)
        return set(sources.of_files(tmp_path / "user.py")) - {str(tmp_path / "user.py")}

    assert of("from methods.parts import mmd2") == of("from methods.parts.mmd import mmd2") == {"methods/parts/mmd.py"}
    assert of("from methods.parts import ssim") == {"methods/parts/ssim.py"}
    assert of("import methods.parts as p\np.mmd2") >= of("from methods.parts import *") > {"methods/parts/mmd.py"}
    from bench.scoring import nearest, neighbours

    assert "methods/parts/ssim.py" in sources.of(nearest)  # from methods import parts; parts.ssim
    assert "methods/parts/vgg.py" not in sources.of(nearest) | sources.of(neighbours)


@pytest.mark.parametrize(
    "init",
    [
        "try:\n    from not_installed_anywhere import f\nexcept ImportError:\n    from .one import f\n",
        "try:\n    from .two import f\nexcept ImportError:\n    from .one import f\n",
        "import sys\nif sys.version_info > (3, 0):\n    from .one import f\nelse:\n    from .two import f\n",
        "from .two import f\nfrom .one import f\n",
        "from pack.one import *\n",
        "from . import one\nf = one.f\n",
        "def __getattr__(name):\n    from .one import f\n    return f\n",
        "import pack.one as one\ndef f():\n    return one.f()\n",
    ],
)
@pytest.mark.parametrize("statement", ["from pack import f", "import pack\nf = pack.f", "import pack.two\npack.f"])
def test_of_a_plug_ins_package_all_counts_that_may_run(init: str, statement: str, tmp_path: Path, edit: Edit) -> None:
    package = {"pack/__init__": init, "pack/one": "f = len\n", "pack/two": "f = len\n"}
    assert {"pack/__init__.py", "pack/one.py"} < read_from(tmp_path, user=statement, **package)
    before = sources.of_files(tmp_path / "user.py")
    edit(str(tmp_path / "pack" / "one.py"), "more = 1\n")
    assert sources.combined(sources.of_files(tmp_path / "user.py")) != sources.combined(before)


def test_folders_without_an_init_and_relative_imports_are_followed(tmp_path: Path) -> None:
    files = {"space/a": "f = 1\n", "space/b": "from .a import f\n", "space/inner/c": "from ..b import f\n"}
    names = {"user.py", "space/a.py", "space/b.py", "space/inner/c.py"}
    assert read_from(tmp_path, user="from space.inner.c import f\n", **files) == names


@pytest.mark.parametrize("helper", [b"print 'of Python 2'", b"x = '\xff'", b"x = " + b"+".join([b"1"] * 3000), b"\0"])
def test_what_this_python_cannot_read_counts_by_its_bytes(helper: bytes, tmp_path: Path) -> None:
    lines = ["try:", "    import odd", "except Exception:", f"    print({'a' * 300 + '.py'!r})", ""]
    (tmp_path / "user.py").write_text("\n".join(lines))
    (tmp_path / "odd.py").write_bytes(helper)
    before = sources.of_files(tmp_path / "user.py")
    (tmp_path / "odd.py").write_bytes(helper + b" # more")
    assert sources.of_files(tmp_path / "user.py") != before


def test_how_files_lie_to_each_other_counts(tmp_path: Path) -> None:
    found = []
    for first, second in (("1", "2"), ("2", "1")):
        networks = {"enc/net": f"size = {first}\n", "dec/net": f"size = {second}\n"}
        read_from(tmp_path, user="import enc.net, dec.net\n", **networks)
        found.append(sources.combined(sources.of_files(tmp_path / "user.py")))
    assert found[0] != found[1]


WRAPPED = """
import functools
import torch
from metrics.base import metric
from wrapping_w import around, made

@metric(source="a test", unit="", better="lower")
@torch.no_grad()
def wrapped_one(y_test):
    return float(y_test.sum()) * 1

@metric(source="a test", unit="", better="lower")
@around
def wrapped_two(y_test):
    return 1.0

metric(source="a test", unit="", better="lower")(made(10))
"""
WRAPPING = """
import functools

def around(function):
    @functools.wraps(function)
    def inner(y_test):
        return function(y_test)
    return inner

def made(size):
    def wrapped_three(y_test):
        return float(size)
    return wrapped_three
"""


def test_a_plug_ins_own_file_counts_under_whatever_wraps_its_metrics(plugin: Plugin, tmp_path: Path) -> None:
    (tmp_path / "wrapped.py").write_text(WRAPPED)
    (tmp_path / "wrapping_w.py").write_text(WRAPPING)
    with mock.patch.dict(known_metrics):
        load_plugin(str(tmp_path / "wrapped.py"))
        for name in ("wrapped_one", "wrapped_two", "wrapped_three"):
            own = {str(tmp_path / f"{file}.py") for file in ("wrapped", "wrapping_w")}
            assert own <= set(code_of_score(known_metrics[name])), name


BUILT_ON = '''
from methods.base import method
from methods.vae import VAE
from methods.parts import GaussianEncoder

@method("built-on", source="a test")
class BuiltOn(VAE):
    """A backbone that no option names."""

    def __init__(self, spec):
        super().__init__(spec, latent=2)
        self.other = GaussianEncoder(spec.shape, 2, "conv32")
'''


def test_a_backbone_that_no_option_names_counts_as_well(plugin: Plugin, tmp_path: Path) -> None:
    (tmp_path / "built_on.py").write_text(BUILT_ON)
    load_plugin(str(tmp_path / "built_on.py"))
    assert {"methods/parts/conv32.py", "methods/parts/mlp.py"} <= set(code(known_methods["built-on"]))
