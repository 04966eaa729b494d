"""Digests of code: what changes none, what changes which, and that a plug-in's own modules count."""

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import methods
import metrics
from bench.config.budget import Budget
from bench.config.options import resolve
from bench.config.plugins import load_plugin
from bench.records import sources
from bench.records.imports import ROOMS, ROOT
from bench.runner.plan import described
from bench.runtime.errors import UsageError
from bench.scoring.cache import code_of
from bench.scoring.features import Featured
from bench.scoring.selection import code_of_score
from methods.base import ImageSpec
from methods.base import registry as known_methods
from metrics.base import registry as known_metrics
from metrics.features import Extractor, NeutralClassifier, ResNet56

methods.load()
metrics.load()
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def digest(text: str, folder: Path) -> str:
    """Of a file of this text."""
    path = folder / "code.py"
    path.write_text(text, encoding="utf-8")
    return sources.of_files(path)[str(path)]


# What a digest is of.


def test_layout_comments_and_docstrings_change_no_digest_of_any_file(tmp_path: Path) -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        bare = ast.unparse(_without_docstrings(tree))
        lines = text.splitlines()
        ends = {node.end_lineno for node in tree.body}
        commented = [f"{line}\n# a word on it\n" if at in ends else line for at, line in enumerate(lines, 1)]
        expected = digest(text, tmp_path)
        assert digest("\n".join(["'''Another docstring.'''", *commented]), tmp_path) == expected, path
        assert digest(bare, tmp_path) == expected, path


class _Bare(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        docstring = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if docstring else node


def _without_docstrings(tree: ast.Module) -> ast.Module:
    bare = _Bare().visit(tree)
    for node in ast.walk(bare):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.body:
            node.body = [ast.parse("'''no more'''").body[0]]  # a body that was its docstring alone
    return ast.fix_missing_locations(bare)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_other_change_does(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(FILES))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    places = [node for node in ast.walk(tree) if _can_be_changed(node) and id(node) not in docstrings]
    if not places:
        return
    before = ast.unparse(tree)
    node: Any = data.draw(st.sampled_from(places))
    if isinstance(node, ast.Name):
        node.id += "_"
    elif isinstance(node, ast.Attribute):
        node.attr += "_"
    else:
        node.value = f"{node.value}."
    assert _digest_of(before) != _digest_of(ast.unparse(tree))


def _can_be_changed(node: ast.AST) -> bool:
    """Names, attributes, and texts and numbers of one line."""
    plain = isinstance(node, ast.Constant) and isinstance(node.value, str | int | float)
    return plain or isinstance(node, ast.Name | ast.Attribute)


def _digest_of(text: str) -> str:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return digest(text, Path(folder))


def test_it_is_the_same_on_every_python(tmp_path: Path) -> None:
    """The one number that was taken on 3.11, 3.12, 3.13 and 3.14, whose parsers cut f-strings and fill fields differently."""
    text = (
        'x = 3\na = f"a{x}b" "c" f"{x!r:>{x}}{x:}" f"{x=}" "" f""\nb = f"{x = :.2f} é"\n'
        "def g(a, /, b=1, *, c: int = 2, **k) -> 'int':\n    match a:\n        case {'x': 1, **rest}:\n"
        "            return {**rest, 'y': [*range(3)]}\n    with (open('a') as p, open('b') as q):\n"
        "        return lambda: (yield)\nclass C:\n    x: int = 1\nasync def h():\n    async for i in g(1):\n"
        "        await i\ntry:\n    pass\nexcept* ValueError:\n    pass\nz = 1_000j, 1e400, -0.0, b'\\x00', ..., True, None\n"
    )
    assert digest(text, tmp_path) == "9402b269f08fe55f"


# What is followed.


Edit = Callable[[str, str], None]


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


def code(entry: Any, optimiser: str = "adam", **options: Any) -> dict[str, str]:
    spec = ImageSpec(1, 28, 28, 10)
    budget = Budget(epochs=1, optimiser=optimiser)
    return described(entry.name, entry, spec, resolve(entry.name, entry, options), budget)[1]


def training() -> dict[str, str]:
    """Method to the digest of the code that trains it, on the dense backbone and by Adam; some on others."""
    own = {name: entry for name, entry in known_methods.items() if entry.cls.__module__.startswith("methods.")}
    found = {name: code(entry) for name, entry in own.items()}
    found["vae on conv32"] = code(own["vae"], backbone="conv32")
    found["vae by adadelta"] = code(own["vae"], "adadelta")
    return {name: sources.combined(one) for name, one in found.items()}


def scoring() -> dict[str, str]:
    own = [one for one in known_metrics.values() if one.function.__module__.startswith("metrics.")]
    return {one.name: sources.combined(code_of_score(one)) for one in own}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_a_comment_changes_no_digest(edit: Edit) -> None:
    before = training(), scoring()
    for path in FILES:
        edit(str(path), "\n# a comment\n'a docstring below'\n")
    assert (training(), scoring()) == before


ALL = ["*"]


@pytest.mark.parametrize(
    ("file", "trains"),
    [
        ("methods/parts/vgg.py", ["regene"]),
        ("methods/parts/transforms.py", ["dtvae", "tvae"]),
        ("methods/vae.py", ["vae", "vae by adadelta", "vae on conv32"]),
        ("methods/parts/conv32.py", ["vae on conv32"]),
        ("methods/backbones.py", []),
        ("methods/base.py", ALL),
        ("bench/training/loop.py", ALL),
        ("bench/training/search.py", ALL),
        ("bench/datasets/split.py", ALL),
        ("bench/runtime/seeds.py", ALL),
        ("bench/training/store.py", []),
        ("bench/records/storage.py", []),
        ("bench/runtime/clock.py", []),
        ("bench/runner/progress.py", []),
        ("bench/runner/cell.py", []),
        ("bench/config/choices.py", []),
        ("bench/scoring/latents.py", []),
        ("metrics/separability.py", []),
        ("leaderboards/table.py", []),
    ],
)
def test_training_hangs_on_what_it_runs_through_and_nothing_else(file: str, trains: list[str], edit: Edit) -> None:
    before = training()
    edit(file, "\nmore = 1\n")
    assert changed(before, training()) == (set(before) if trains == ALL else set(trains))


def test_of_optimisers_the_chosen_one_counts(edit: Edit) -> None:
    """The function alone, of a file with several."""
    before = training()
    text = (ROOT / "bench/config/choices.py").read_text()
    assert "rho=0.95" in text
    with pytest.MonkeyPatch.context() as patch:
        real = Path.read_bytes
        patch.setattr(Path, "read_bytes", lambda path: real(path).replace(b"rho=0.95", b"rho=0.9"))
        assert changed(before, training()) == {"vae by adadelta"}


def families(*names: str) -> set[str]:
    return {one.name for one in known_metrics.values() if one.family in names}


@pytest.mark.parametrize(
    ("file", "touched"),
    [
        ("metrics/separability.py", lambda: families("separability")),
        ("bench/scoring/nearest.py", lambda: families("novelty")),
        ("bench/scoring/score.py", lambda: set(scoring())),
        ("bench/training/store.py", set),
        ("bench/records/storage.py", set),
        ("bench/runtime/clock.py", set),
        ("bench/runner/progress.py", set),
        ("methods/vae.py", set),
    ],
)
def test_a_score_hangs_on_its_metric_its_evidence_and_what_resolves_them(
    file: str, touched: Callable[[], set[str]], edit: Edit
) -> None:
    before = scoring()
    edit(file, "\nmore = 1\n")
    assert changed(before, scoring()) == touched()


def test_scores_that_take_the_neutral_classifier_hang_on_how_it_is_trained(edit: Edit) -> None:
    before = scoring()
    edit("metrics/features/resnet.py", "\nmore = 1\n")
    found = changed(before, scoring())
    assert {"class_sample_accuracy", "neutral_accuracy"} & found
    assert families("novelty") & found
    assert not found & families("separability", "reconstruction", "likelihood", "cost")


def test_features_that_are_kept_hang_on_the_network_that_made_them_and_on_no_store(edit: Edit) -> None:
    def codes() -> list[str]:
        extractor = type("Registered", (Extractor,), {"__module__": Extractor.__module__})
        return [code_of(Featured, network) for network in (NeutralClassifier, ResNet56, extractor)]

    before = codes()
    assert len(set(before)) == 3
    for file, changed_ones in (
        ("metrics/features/resnet.py", {1}),
        ("metrics/features/inception.py", {2}),
        ("bench/scoring/samples.py", set()),
        ("bench/records/storage.py", set()),
        ("bench/scoring/features.py", {0, 1, 2}),
    ):
        then = codes()
        edit(file, "\nmore = 1\n")
        assert {at for at, (one, other) in enumerate(zip(then, codes(), strict=True)) if one != other} == changed_ones


# Plug-ins.


HELPED = '''
from methods.base import method
from methods.vae import VAE
{statement}

@method("{name}", source="a test")
class Own(VAE):
    """Own."""
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Loads a plug-in with other files beside it; gives its method's entry. Registries and modules are put back afterwards."""
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
    statement: str, helper: str, plugin: Callable[..., Any], edit: Edit, tmp_path: Path
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


def test_what_a_helper_imports_counts_as_well_and_where_it_lies_does_not(
    plugin: Callable[..., Any], tmp_path: Path
) -> None:
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


def test_a_helper_that_another_plug_ins_helper_stands_for_is_refused(
    plugin: Callable[..., Any], tmp_path: Path
) -> None:
    plugin("left", "import shared_y", tmp_path / "left", shared_y="thing = 1\n")
    with pytest.raises(UsageError, match=r"shared_y\.py.*rename"):
        plugin("right", "import shared_y", tmp_path / "right", shared_y="thing = 2\n")


def test_what_is_imported_for_type_checkers_alone_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "seen.py").write_text("x = 1\n")
    (tmp_path / "unseen.py").write_text("x = 1\n")
    (tmp_path / "a.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import unseen\nelse:\n    import seen\n"
    )
    assert set(sources.of_files(tmp_path / "a.py")) == {str(tmp_path / "a.py"), str(tmp_path / "seen.py")}


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


FIRST = "try:\n    from not_installed_anywhere import f\nexcept ImportError:\n    from .one import f\n"


@pytest.mark.parametrize(
    "init",
    [
        FIRST,
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
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text(init)
    for name in ("one", "two"):
        (package / f"{name}.py").write_text("f = len\n")
    (tmp_path / "user.py").write_text(statement)
    before = sources.of_files(tmp_path / "user.py")
    assert {str(package / "__init__.py"), str(package / "one.py")} < set(before)
    edit(str(package / "one.py"), "more = 1\n")
    assert sources.combined(sources.of_files(tmp_path / "user.py")) != sources.combined(before)


def test_folders_without_an_init_and_relative_imports_are_followed(tmp_path: Path) -> None:
    (tmp_path / "space" / "inner").mkdir(parents=True)
    (tmp_path / "space" / "a.py").write_text("f = 1\n")
    (tmp_path / "space" / "b.py").write_text("from .a import f\n")
    (tmp_path / "space" / "inner" / "c.py").write_text("from ..b import f\n")
    (tmp_path / "user.py").write_text("from space.inner.c import f\n")
    assert {Path(name).name for name in sources.of_files(tmp_path / "user.py")} == {"user.py", "a.py", "b.py", "c.py"}


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
        for name, value in (("enc", first), ("dec", second)):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "net.py").write_text(f"size = {value}\n")
        (tmp_path / "user.py").write_text("import enc.net, dec.net\n")
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


def test_a_plug_ins_own_file_counts_under_whatever_wraps_its_metrics(tmp_path: Path, edit: Edit) -> None:
    (tmp_path / "wrapped.py").write_text(WRAPPED)
    (tmp_path / "wrapping_w.py").write_text(WRAPPING)
    before = dict(known_metrics)
    try:
        load_plugin(str(tmp_path / "wrapped.py"))
        for name in ("wrapped_one", "wrapped_two", "wrapped_three"):
            own = {str(tmp_path / f"{file}.py") for file in ("wrapped", "wrapping_w")}
            assert own <= set(code_of_score(known_metrics[name])), name
    finally:
        known_metrics.clear()
        known_metrics.update(before)
        sys.path.remove(str(tmp_path))


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


def test_a_backbone_that_no_option_names_counts_as_well(plugin: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "built_on.py").write_text(BUILT_ON)
    load_plugin(str(tmp_path / "built_on.py"))
    assert {"methods/parts/conv32.py", "methods/parts/mlp.py"} <= set(code(known_methods["built-on"]))


# Loading them.


def test_a_plug_in_that_fails_leaves_nothing_and_mended_it_loads(tmp_path: Path) -> None:
    broken = "import helper_z\nfrom metrics.base import metric\n@metric(source='s')\ndef broken_z(seed): return 1.0\n"
    (tmp_path / "broken.py").write_text(broken + "helper_z.missing\n")
    (tmp_path / "helper_z.py").write_text("x = 1\n")
    before = dict(known_metrics), set(sys.modules), list(sys.path)
    with pytest.raises(UsageError, match="missing"):
        load_plugin(str(tmp_path / "broken.py"))
    assert (dict(known_metrics), set(sys.modules), list(sys.path)) == before
    (tmp_path / "helper_z.py").write_text("missing = 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(sys, "dont_write_bytecode", True)
        load_plugin(str(tmp_path / "broken.py"))
        assert "broken_z" in known_metrics
        load_plugin(str(tmp_path / "broken.py"))  # once is enough
    del known_metrics["broken_z"]


def test_a_helper_that_another_plug_ins_would_stand_for_later_is_refused(
    plugin: Callable[..., Any], tmp_path: Path
) -> None:
    later = "def later():\n    import common_l\n    return common_l.x"
    plugin("left_l", later, tmp_path / "left", common_l="x = 1\n")
    with pytest.raises(UsageError, match="common_l"):
        plugin("right_l", later, tmp_path / "right", common_l="x = 2\n")
    plugin("third_l", later, tmp_path / "third", common_l="x = 1\n")  # an equal copy does no harm


def test_a_plug_in_may_have_the_name_of_an_installed_package(plugin: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise RuntimeError('never run')\n")
    assert str(tmp_path / "torch.py") not in code(plugin("scipy", "import scipy.stats, torch"))
