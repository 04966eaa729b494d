"""Names, entry points, and what an unknown name gets; the embedded digits."""

import copy
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from helpers_e2e import here

from bench.datasets import Dataset, dataset, describe, load, names, registry


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    names()
    monkeypatch.setattr(registry, "registry", copy.copy(registry.registry))


def two_classes(root: Path, *, download: bool) -> Dataset:
    x = torch.arange(2, dtype=torch.uint8).view(2, 1, 1, 1)
    return Dataset(x, torch.arange(2), x, torch.arange(2), ("a", "b"))


def test_names_and_descriptions():
    plain = "celeba-128 celeba-64 cifar10 digits faces fashion-mnist hiragana kmnist mnist rot-mnist"
    assert names() == [*plain.split(), "folder:PATH", "npz:PATH"]
    assert all(describe(name).about and describe(name).source and describe(name).licence for name in names())


@pytest.mark.parametrize("name", ["mnits", "MNIST", "mnist:here"])
def test_unknown_name_gets_the_nearest_and_the_list(name, tmp_path, refused):
    with refused(repr(name), "'mnist'", "fashion-mnist", "folder:PATH", "npz:PATH"):
        load(name, tmp_path)


def test_a_path_is_asked_for(tmp_path, refused):
    for name in ("folder", "npz:"):
        with refused(repr(name), ":PATH"):
            load(name, tmp_path)


def test_one_decorated_function_is_a_data_set(tmp_path):
    dataset("two", source="here", licence="MIT", about="two pixels")(two_classes)
    found = load("two", tmp_path)
    assert (found.name, found.source, found.licence, found.n_classes) == ("two", "here", "MIT", 2)
    assert "two" in names()


def test_the_upright_data_set_is_loaded_by_the_name_that_the_rotated_one_gives(tmp_path, refused):
    dataset("two", source="here", licence="MIT", about="two pixels")(two_classes)
    dataset("turned", source="here", licence="MIT", about="two pixels", upright="two")(two_classes)
    turned = load("turned", tmp_path)
    assert (load("two", tmp_path).upright, turned.upright) == ("", "two")
    assert registry.load_upright(turned, tmp_path).name == "two"
    dataset("larger", source="here", licence="MIT", about="two pixels", upright="digits")(two_classes)
    with refused("'larger'", "'digits'", "(1, 8, 8) in 10 classes", "(1, 1, 1) in 2"):
        registry.load_upright(load("larger", tmp_path), tmp_path)


def test_a_taken_name_and_a_colon_are_refused():
    with pytest.raises(ValueError, match=r"already registered by bench\.datasets\.vision\.mnist"):
        dataset("mnist", source="", licence="", about="")(two_classes)
    with pytest.raises(ValueError, match="without a colon"):
        dataset("a:b", source="", licence="", about="")


def test_a_function_that_gives_something_else(tmp_path, refused):
    dataset("odd", source="", licence="", about="")(lambda root, *, download: {})
    with refused("'odd'", "dict", "Dataset"):
        load("odd", tmp_path)


def plug_in(monkeypatch, tmp_path: Path, source: str) -> None:
    """A package whose entry point `plugged` is the function of that name."""
    (tmp_path / "plugged_package.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plugged_package", raising=False)
    point = EntryPoint("plugged", "plugged_package:plugged", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])


PLUGGED = """
import torch
from bench.datasets import Dataset, dataset

@dataset("plugged", source="a package", licence="MIT", about="from elsewhere")
def plugged(root, *, download):
    x = torch.zeros(2, 1, 1, 1, dtype=torch.uint8)
    return Dataset(x, torch.arange(2), x, torch.arange(2), ("a", "b"))
"""


def test_one_file_from_outside_the_package_is_listed(tmp_path):
    (tmp_path / "own.py").write_text(PLUGGED)
    assert "plugged" in here("list", "datasets", "--plugin", tmp_path / "own.py").out


def test_an_entry_point_is_listed_unimported_and_loaded_by_name(monkeypatch, tmp_path):
    plug_in(monkeypatch, tmp_path, PLUGGED)
    assert "plugged" in names()
    assert "plugged_package" not in sys.modules
    assert load("plugged", tmp_path).source == "a package"
    assert names().count("plugged") == 1


@pytest.mark.parametrize(
    ("source", "named"),
    [("import no_such_module", "no_such_module"), ("plugged = 1", "@dataset('plugged'"), ("", "plugged")],
)
def test_a_broken_entry_point_is_named(source, named, monkeypatch, tmp_path, refused):
    plug_in(monkeypatch, tmp_path, source)
    with refused("plugged_package:plugged", named):
        load("plugged", tmp_path)
    assert load("digits", tmp_path).name == "digits"


def test_digits(tmp_path):
    data = load("digits", tmp_path, download=False)
    assert data.shape == (1, 8, 8)
    assert (len(data.x_train), len(data.x_test), data.n_classes) == (1437, 360, 10)
    assert (data.x_train.min(), data.x_train.max()) == (0, 255)
    assert data.y_test.bincount().tolist() == [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]
    assert load("digits", tmp_path).digest == data.digest
    assert not list(tmp_path.glob("*"))
