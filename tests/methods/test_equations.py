"""What comes first in a paper's method file is its equation: stated in words of the paper, and as the prior that it differs in."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import methods
from methods.base import AbstractVAE, Entry, registry

methods.load()
FIRST = 60
EQUATION = re.compile(r"(log p|q|KL|BCE|sum_i \w+)\(.*[=+|~]|[=+~].*(log p|q|KL|BCE|sum_i)")
"""A term of an objective, or a sum over images, on a line with a sign that joins it to others."""
OURS = [entry for entry in registry.values() if entry.cls.__module__ != "methods.baselines"]
STATED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def _equation_at(text: str) -> int | None:
    """The line of the first equation in a docstring."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, STATED) and ast.get_docstring(node)]
    lines = text.splitlines()
    spans = [range(node.body[0].lineno, node.body[0].end_lineno + 1) for node in nodes]
    return min((at for span in spans for at in span if EQUATION.search(lines[at - 1])), default=None)


def _prior_at(cls: type[AbstractVAE]) -> int:
    """The line of the prior in the method's own file."""
    (stated, *_) = [base for base in cls.__mro__ if "prior" in vars(base)]
    assert inspect.getfile(stated) == inspect.getfile(cls)
    return inspect.getsourcelines(inspect.unwrap(stated.prior))[1]


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry.name)
def test_the_equation_stands_first(entry: Entry) -> None:
    at = _equation_at(Path(inspect.getfile(entry.cls)).read_text())
    assert at is not None
    assert at <= FIRST
    if issubclass(entry.cls, AbstractVAE):
        assert _prior_at(entry.cls) <= FIRST


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"""A method."""\n\n\nclass M:\n    """It minimises BCE(x, x\') + KL(q || p)."""\n', 5),
        ('"""A method of the paper, section 3."""\nloss = bce + kl  # BCE(x) + KL(q)\n', None),
    ],
)
def test_the_check_tells_an_equation_from_prose_and_code(text: str, line: int | None) -> None:
    assert _equation_at(text) == line
