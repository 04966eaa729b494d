"""IDX files, the raw format of the MNIST family: read whole, and checked against their header and digest first."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.base import DataError

if TYPE_CHECKING:
    import numpy as np

# exact files of the whole sets, unpacked from the archives whose md5 torchvision checks
SHA256: dict[str, dict[str, str]] = {
    "MNIST": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "FashionMNIST": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
AGAIN = "delete it and run again to download it, or put a whole copy in its place"


def read_idx(path: Path, dimensions: int, sha256: str | None = None) -> np.ndarray:
    """The uint8 array of an IDX file, `dimensions` of it, read once.

    Raises DataError naming path, expected and found: where it is no such file, where its size is not what its header
    says, and where its sha256 is not the one given.
    """
    import numpy as np

    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(4 + 4 * dimensions)
        shape = _shape(path, header, dimensions)
        expected = len(header) + math.prod(shape)
        if size != expected:
            sizes = " x ".join(str(size) for size in shape)
            raise DataError(f"{path}: expected {expected} bytes ({sizes}, by its header), found {size}; {AGAIN}")
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror}); make it readable or replace it") from problem
    if sha256 is not None and (actual := hashlib.sha256(content.data).hexdigest()) != sha256:
        raise DataError(f"{path}: expected sha256 {sha256}, found {actual}; {AGAIN}")
    return content[len(header) :].reshape(shape)


def _shape(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    """The sizes in an IDX header: two zero bytes, type (8 is uint8), number of sizes, the sizes (big-endian)."""
    if header[:2] == b"\x1f\x8b":
        raise DataError(f"{path}: expected an unpacked IDX file, found gzip; unpack it with gunzip")
    magic = bytes((0, 0, 8, dimensions))
    if header[:4] != magic or len(header) < 4 + 4 * dimensions:
        raise DataError(f"{path}: expected an IDX header {magic.hex()}, found {header[:4].hex() or 'nothing'}; {AGAIN}")
    return tuple(int.from_bytes(header[start : start + 4], "big") for start in range(4, len(header), 4))
