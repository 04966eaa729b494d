"""Hiragana in the archive's layout: order and names of classes, colour, and each thing that can be wrong with the folder."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.cli.describe import listing
from bench.datasets import DataError, hiragana, load

LETTERS = {"U3042": "a", "U304C": "ga", "U3063": "small tu", "U3093": "n"}
A_PART = "ignore:.*of the published:UserWarning"


def shade(letter: int, number: int) -> int:
    """A grey that tells letter and number of an image made here."""
    return 50 * letter + number


def fill(root: Path, folders: tuple[str, ...] = tuple(LETTERS), count: int = 10) -> Path:
    for letter, name in enumerate(folders):
        (root / "hiragana73" / name).mkdir(parents=True)
        for number in range(count):
            picture = Image.new("L", (48, 48), shade(letter, number))
            picture.save(root / "hiragana73" / name / f"1900_{number:04}.png")
    return root


def pixels(data) -> list[int]:
    """The shade of every image, of both splits, sorted."""
    return sorted([*data.x_train[:, 0, 0, 0].tolist(), *data.x_test[:, 0, 0, 0].tolist()])


@pytest.mark.filterwarnings(A_PART)
def test_every_image_is_in_one_split_under_its_letter(tmp_path):
    data = load("hiragana", fill(tmp_path), download=False)
    assert (data.name, data.shape, data.classes) == ("hiragana", (1, 48, 48), tuple(LETTERS.values()))
    assert data.y_train.bincount().tolist() == [8] * 4
    assert data.y_test.bincount().tolist() == [2] * 4
    assert pixels(data) == [shade(letter, number) for letter in range(4) for number in range(10)]
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert torch.equal(x[:, 0, 0, 0].long() // 50, y)


@pytest.mark.filterwarnings(A_PART)
def test_the_split_depends_on_no_path_and_no_second_load_decodes(tmp_path, monkeypatch):
    here = load("hiragana", fill(tmp_path / "here"))
    assert load("hiragana", fill(tmp_path / "there")).digest == here.digest
    monkeypatch.setattr("bench.datasets.folder._decode", lambda *_: pytest.fail("decoded again"))
    assert load("hiragana", tmp_path / "here").digest == here.digest


@pytest.mark.filterwarnings(A_PART)
def test_each_spelling_of_a_code_names_its_letter_and_unicode_orders_them(tmp_path):
    folders = ("u304b", "U3042", "U+3093", "u+304a")
    data = load("hiragana", fill(tmp_path, folders))
    assert data.classes == ("a", "o", "ka", "n")
    made = [folders.index(name) for name in ("U3042", "u+304a", "u304b", "U+3093")]
    assert (data.x_train[:, 0, 0, 0] // 50).tolist() == [made[label] for label in data.y_train]


@pytest.mark.filterwarnings(A_PART)
def test_coloured_scans_among_grey_ones_give_one_channel(tmp_path):
    """The archive mixes both, and `folder`, which reads the same images, keeps their colour."""
    archive = fill(tmp_path) / "hiragana73"
    Image.new("RGB", (48, 48), (255, 0, 0)).save(archive / "U3042" / "1900_0000.png")
    data = load("hiragana", tmp_path)
    assert data.shape == (1, 48, 48)
    assert 76 in pixels(data)  # the luma of pure red, 0.299 * 255
    assert load(f"folder:{archive}", tmp_path).shape == (3, 48, 48)
    assert load("hiragana", tmp_path).digest == data.digest


@pytest.mark.filterwarnings(A_PART)
def test_hidden_folders_and_loose_files_are_passed_over(tmp_path):
    before = load("hiragana", fill(tmp_path)).digest
    (tmp_path / "hiragana73" / ".cache").mkdir()
    (tmp_path / "hiragana73" / "readme.md").touch()
    (tmp_path / "hiragana73" / "U3042" / "._1900_0000.png").write_bytes(b"macOS")
    assert load("hiragana", tmp_path).digest == before


def test_a_part_of_the_archive_is_said_to_be_one(tmp_path):
    with pytest.warns(UserWarning, match="holds 4 classes and 40 images of the published 73 and 80,000") as caught:
        load("hiragana", fill(tmp_path))
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith(str(tmp_path / "hiragana73"))
    assert "\n" not in message


@pytest.mark.parametrize(("published", "quiet"), [((4, 40), True), ((4, 41), False), ((5, 40), False)])
def test_only_the_whole_archive_is_taken_in_silence(published, quiet, tmp_path, monkeypatch):
    monkeypatch.setattr(hiragana, "PUBLISHED", published)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load("hiragana", fill(tmp_path))
    assert (not caught) == quiet


def absent(root: Path) -> None:
    pass


def unpacked_twice_over(root: Path) -> None:
    fill(root / "hiragana73")


def katakana(root: Path) -> None:
    fill(root, ("U3042", "U30A2"))


def iteration_mark(root: Path) -> None:
    fill(root, ("U3042", "U309D"))


def spoken(root: Path) -> None:
    fill(root, ("U3042", "ka"))


def five_digits(root: Path) -> None:
    fill(root, ("U3042", "U03044"))


def surrogate(root: Path) -> None:
    fill(root, ("U3042", "UD800"))


def twice(root: Path) -> None:
    fill(root, ("U3042", "U+3042", "U3044"))


def other_size(root: Path) -> None:
    fill(root)
    Image.new("L", (48, 47)).save(root / "hiragana73" / "U304C" / "1900_0003.png")


def too_few(root: Path) -> None:
    fill(root, count=4)


def empty(root: Path) -> None:
    fill(root)
    (root / "hiragana73" / "U3044").mkdir()


def sixteen_bits(root: Path) -> None:
    fill(root)
    Image.fromarray(np.full((48, 48), 40000, np.uint16)).save(root / "hiragana73" / "U304C" / "1900_0003.png")


WHERE = ["github.com/ndl-lab/hiragana_mojigazo", "hiragana73/U3042/*.png"]


@pytest.mark.filterwarnings(A_PART)
@pytest.mark.parametrize(
    ("make", "named"),
    [
        (absent, ["hiragana73: does not exist", *WHERE]),
        (unpacked_twice_over, ["one class only (hiragana73)", *WHERE]),
        (katakana, ["hiragana73/U30A2: not named by a hiragana letter's code", "such as U3042"]),
        (iteration_mark, ["hiragana73/U309D: not named by", "U3041 to U3096"]),
        (spoken, ["hiragana73/ka: not named by"]),
        (five_digits, ["hiragana73/U03044: not named by"]),
        (surrogate, ["hiragana73/UD800: not named by"]),
        (twice, ["hiragana73/U3042: the same letter as U+3042"]),
        (other_size, ["U304C/1900_0003.png", "48x47", "one size"]),
        (too_few, ["hiragana73/U3042: only 4 images", "needs 5", *WHERE]),
        (empty, ["hiragana73/U3044: holds no images"]),
        (sixteen_bits, ["U304C/1900_0003.png", "I;16"]),
    ],
)
def test_what_is_wrong_is_named(make, named, tmp_path, one_line):
    make(tmp_path)
    with pytest.raises(DataError) as problem:
        load("hiragana", tmp_path)
    one_line(problem, tmp_path, *named)
    assert "PATH" not in str(problem.value)  # the advice is this archive's, not that of `folder`


def test_it_is_listed_with_its_number_of_classes():
    (line,) = [line for line in listing("datasets", []).splitlines() if line.split()[0] == "hiragana"]
    assert "73 classes" in line
