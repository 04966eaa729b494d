"""Hiragana in the archive's layout: order and names of classes, colour, and each thing that can be wrong with the folder."""

import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from bench.datasets import hiragana, load

LETTERS = {"U3042": "a", "U304C": "ga", "U3063": "small tu", "U3093": "n"}
pytestmark = pytest.mark.filterwarnings("ignore:.*of the published:UserWarning")


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


def test_every_image_is_in_one_split_under_its_letter_wherever_the_archive_lies(tmp_path):
    data = load("hiragana", fill(tmp_path), download=False)
    assert (data.name, data.shape, data.classes) == ("hiragana", (1, 48, 48), tuple(LETTERS.values()))
    assert data.y_train.bincount().tolist() == [8] * 4
    assert data.y_test.bincount().tolist() == [2] * 4
    assert pixels(data) == [shade(letter, number) for letter in range(4) for number in range(10)]
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert torch.equal(x[:, 0, 0, 0].long() // 50, y)
    assert load("hiragana", fill(tmp_path / "elsewhere")).digest == data.digest


def test_each_spelling_of_a_code_names_its_letter_and_unicode_orders_them(tmp_path):
    folders = ("u304b", "U3042", "U+3093", "u+304a")
    data = load("hiragana", fill(tmp_path, folders))
    assert data.classes == ("a", "o", "ka", "n")
    made = [folders.index(name) for name in ("U3042", "u+304a", "u304b", "U+3093")]
    assert (data.x_train[:, 0, 0, 0] // 50).tolist() == [made[label] for label in data.y_train]


def test_coloured_scans_among_grey_ones_give_one_channel(tmp_path):
    """The archive mixes both, and `folder`, which reads the same images, keeps their colour."""
    archive = fill(tmp_path) / "hiragana73"
    Image.new("RGB", (48, 48), (255, 0, 0)).save(archive / "U3042" / "1900_0000.png")
    data = load("hiragana", tmp_path)
    assert data.shape == (1, 48, 48)
    assert 76 in pixels(data)  # the luma of pure red, 0.299 * 255
    assert load(f"folder:{archive}", tmp_path).shape == (3, 48, 48)
    assert load("hiragana", tmp_path).digest == data.digest


@pytest.mark.parametrize(("published", "quiet"), [((4, 40), True), ((4, 41), False), ((5, 40), False)])
def test_only_the_whole_archive_is_taken_in_silence(published, quiet, tmp_path, monkeypatch):
    monkeypatch.setattr(hiragana, "PUBLISHED", published)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load("hiragana", fill(tmp_path))
    assert (not caught) == quiet
    for message in (str(warning.message) for warning in caught):
        assert message.startswith(f"{tmp_path / 'hiragana73'}: holds 4 classes and 40 images of the published")
        assert "\n" not in message


WHERE = ["github.com/ndl-lab/hiragana_mojigazo", "hiragana73/U3042/*.png"]


FAULTS = {
    "absent": ((), 0, ["hiragana73: does not exist", *WHERE]),
    "katakana": (("U3042", "U30A2"), 10, ["hiragana73/U30A2: not named by a hiragana letter's code", "such as U3042"]),
    "iteration mark": (("U3042", "U309D"), 10, ["hiragana73/U309D: not named by", "U3041 to U3096"]),
    "spoken": (("U3042", "ka"), 10, ["hiragana73/ka: not named by"]),
    "five digits": (("U3042", "U03044"), 10, ["hiragana73/U03044: not named by"]),
    "surrogate": (("U3042", "UD800"), 10, ["hiragana73/UD800: not named by"]),
    "twice": (("U3042", "U+3042", "U3044"), 10, ["hiragana73/U3042: the same letter as U+3042"]),
    "one class": (("U3042",), 10, ["one class only (U3042)", *WHERE]),
    "too few": (tuple(LETTERS), 4, ["hiragana73/U3042: only 4 images", "needs 5", *WHERE]),
}


@pytest.mark.parametrize(("folders", "count", "named"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_named(folders, count, named, tmp_path, refused):
    fill(tmp_path, folders, count)
    with refused(tmp_path, *named):
        load("hiragana", tmp_path)
