"""Digests of code: what changes none, what changes which, and that a plug-in's own modules count."""

import ast
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from helpers_code import Edit, changed, known_metrics, scoring, training
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.records import sources
from bench.records.imports import ROOMS, ROOT
from bench.scoring.cache import code_of
from bench.scoring.features import originals_in_neutral
from metrics.features import Extractor, NeutralClassifier, ResNet56

FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def digest(text: str, folder: Path) -> str:
    """Of a file of this text."""
    path = folder / "code.py"
    path.write_text(text, encoding="utf-8")
    return sources.of_files(path)[str(path)]


# What a digest is of.


def test_layout_comments_and_docstrings_change_no_digest(tmp_path: Path) -> None:
    for path in FILES[::5]:
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


BEFORE = cache(lambda digests: digests())
"""The digests of files as they lie."""
ALL = ["*"]
TRAIN_NOTHING = [
    "training/store",
    "records/storage",
    "training/checkpoint",
    "training/models",
    "runtime/clock",
    "runner/progress",
    "runner/cell",
    "config/choices",
]
TRAIN_NOTHING = [*(f"bench/{name}.py" for name in (*TRAIN_NOTHING, "scoring/latents")), "methods/backbones.py"]


@pytest.mark.parametrize(
    ("files", "trains"),
    [
        (["methods/parts/vgg.py"], ["regene"]),
        (["methods/parts/transforms.py"], ["dtvae", "tvae"]),
        (["methods/vae.py"], ["vae", "vae by adadelta", "vae on conv32", "latent-generator"]),
        (["methods/parts/conv32.py"], ["vae on conv32"]),
        (["methods/base.py"], ALL),
        (["bench/training/loop.py"], ALL),
        (["bench/training/phases.py"], ALL),
        (["bench/training/search.py"], ALL),
        (["bench/datasets/split.py"], ALL),
        (["bench/runtime/seeds.py"], ALL),
        ([*TRAIN_NOTHING, "metrics/separability.py", "leaderboards/table.py"], []),
    ],
)
def test_training_hangs_on_what_it_runs_through_and_nothing_else(
    files: list[str], trains: list[str], edit: Edit
) -> None:
    before = BEFORE(training)
    for file in files:
        edit(file, "\nmore = 1\n")
    assert changed(before, training()) == (set(before) if trains == ALL else set(trains))


def test_of_optimisers_the_chosen_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function alone, of a file with several."""
    before = BEFORE(training)
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: real(path).replace(b"rho=0.95", b"rho=0.9"))
    assert changed(before, training()) == {"vae by adadelta"}


def families(*names: str) -> set[str]:
    return {one.name for one in known_metrics.values() if one.family in names}


@pytest.mark.parametrize(
    ("files", "touched"),
    [
        (["metrics/separability.py"], lambda: families("separability")),
        (["bench/scoring/nearest.py"], lambda: families("novelty")),
        (["bench/scoring/score.py"], lambda: set(BEFORE(scoring))),
        ([*TRAIN_NOTHING[:6], "methods/vae.py"], set),
    ],
)
def test_a_score_hangs_on_its_metric_its_evidence_and_what_resolves_them(
    files: list[str], touched: Callable[[], set[str]], edit: Edit
) -> None:
    before = BEFORE(scoring)
    for file in files:
        edit(file, "\nmore = 1\n")
    assert changed(before, scoring()) == touched()


def test_scores_that_take_the_neutral_classifier_hang_on_how_it_is_trained(edit: Edit) -> None:
    before = BEFORE(scoring)
    edit("metrics/features/resnet.py", "\nmore = 1\n")
    found = changed(before, scoring())
    assert {"class_sample_accuracy", "neutral_accuracy"} & found
    assert families("novelty") & found
    assert not found & families("separability", "reconstruction", "likelihood", "cost")


def test_features_that_are_kept_hang_on_the_network_that_made_them_and_on_no_store(edit: Edit) -> None:
    def codes() -> list[str]:
        return [code_of(originals_in_neutral, network) for network in (NeutralClassifier, ResNet56, Extractor)]

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
