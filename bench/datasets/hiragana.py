"""The National Diet Library of Japan's hiragana: put in place by the user, as no address of the archive is sure to stay."""

import re
import unicodedata
import warnings
from collections.abc import Iterable
from pathlib import Path

from bench.datasets.base import DataError, Dataset
from bench.datasets.folder import from_parts, listing
from bench.datasets.registry import dataset

PAGE = "https://github.com/ndl-lab/hiragana_mojigazo"
ARCHIVE = "hiragana73"
PUBLISHED = (73, 80_000)  # classes and images, by the table on that page
CODE = re.compile(r"U\+?([0-9A-F]{4})", re.IGNORECASE)
LETTER = "HIRAGANA LETTER "  # what Unicode's name of each begins with


@dataset(
    "hiragana",
    source=f"National Diet Library of Japan, https://lab.ndl.go.jp, archive {ARCHIVE} of {PAGE}",
    licence="Public Domain Mark 1.0, by the archive's page",
    about=f"80,000 hiragana cut from scanned books, 48x48 grey, 73 classes; put the archive in ROOT/{ARCHIVE} yourself",
)
def hiragana(root: Path, *, download: bool) -> Dataset:
    """The images under root/hiragana73/U3042 and so on, in one channel, with a fixed fifth of each class as test split.

    The archive mixes grey scans with coloured ones: the tint of a book's paper says nothing of a letter, so it is dropped.
    Classes have Unicode's names, in Latin letters, which every font can draw. Raises DataError; an archive in part costs a warning.
    """
    path = root / ARCHIVE
    layout = f"put {ARCHIVE} of {PAGE} in {root}, so that {path / 'U3042'}/*.png and its other letters are there"
    images = listing(path, layout)
    folders = _by_letter(path, images)
    holds = len(images), sum(map(len, images.values()))
    if holds != PUBLISHED:  # it is also published in four parts, and one of them would go by the whole's name
        warnings.warn(
            f"{path}: holds {holds[0]} classes and {holds[1]:,} images of the published {PUBLISHED[0]} and "
            f"{PUBLISHED[1]:,}; its scores compare with no others until it holds the whole archive of {PAGE}",
            stacklevel=2,
        )
    classes = tuple(unicodedata.name(letter).removeprefix(LETTER).lower() for letter in folders)
    return from_parts(path, [{name: images[name] for name in folders.values()}], classes, layout, grey=True)


def _by_letter(path: Path, names: Iterable[str]) -> dict[str, str]:
    """The folder of each letter, in Unicode's order. Raises DataError where one is named otherwise or two are the same."""
    folders: dict[str, str] = {}
    for name in names:
        code = CODE.fullmatch(name)
        letter = chr(int(code[1], 16)) if code else ""
        if not letter or not unicodedata.name(letter, "").startswith(LETTER):
            raise DataError(
                f"{path / name}: not named by a hiragana letter's code; expected U3041 to U3096, such as U3042; "
                "rename it or move it elsewhere"
            )
        if letter in folders:
            raise DataError(f"{path / name}: the same letter as {folders[letter]}; put all its images in one folder")
        folders[letter] = name
    return dict(sorted(folders.items()))
