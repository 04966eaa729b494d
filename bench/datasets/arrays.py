"""The user's own arrays: an .npz of x_train, y_train, x_test, y_test."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.base import DataError, Dataset
from bench.datasets.registry import dataset

if TYPE_CHECKING:
    import numpy as np

KEYS = ("x_train", "y_train", "x_test", "y_test")
CHANNELS = (1, 3)
CHUNK = 1000  # images turned at a time


@dataset(
    "npz",
    source="the user's own file",
    licence="the user's own",
    about="your arrays: an .npz with x_train, y_train, x_test, y_test; uint8 images, integer labels",
    by_path=True,
)
def npz(path: Path) -> Dataset:
    """Arrays from an .npz file.

    x_train, x_test: uint8 (N,H,W), (N,H,W,C) or (N,C,H,W), C being 1 or 3. Where the last size and the second could
    both be channels, the last is taken: that is how image arrays are mostly stored. y_train, y_test: any integers (N,)
    in 0..K-1, where every class is in y_train.
    Raises DataError where the file is missing or no .npz, or keys, dtypes, shapes, counts or labels do not fit.
    """
    import torch

    arrays = _read(path)
    labels = {key: _labels(path, key, arrays[key]) for key in ("y_train", "y_test")}
    images = {key: _images(path, key, arrays[key]) for key in ("x_train", "x_test")}
    x, y = ({key: torch.from_numpy(array) for key, array in held.items()} for held in (images, labels))
    classes = tuple(str(label) for label in range(_n_classes(path, labels["y_train"], labels["y_test"])))
    return Dataset(x["x_train"], y["y_train"], x["x_test"], y["y_test"], classes, name=str(path))


def _read(path: Path) -> dict[str, np.ndarray]:
    import numpy as np

    if not path.is_file():
        raise DataError(f"{path}: no such file; give the path of an .npz")
    wanted = f"give an .npz with {', '.join(KEYS)}, as numpy.savez writes it"
    try:
        content = np.load(path, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise DataError(f"{path}: not an .npz but a single array; {wanted}")
        with content:
            missing = [key for key in KEYS if key not in content.files]
            if missing:
                there = ", ".join(content.files) or "none"
                raise DataError(f"{path}: has no {', '.join(missing)} (found {there}); {wanted}")
            arrays = {key: content[key] for key in KEYS}
    except DataError:
        raise
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as problem:
        reason = " ".join(str(problem).split())
        raise DataError(f"{path}: not a whole .npz of plain arrays ({reason}); {wanted}") from problem
    odd = [key for key, array in arrays.items() if not isinstance(array, np.ndarray)]
    if odd:
        raise DataError(f"{path}: {', '.join(odd)} holds no array; {wanted}")
    return arrays


def _images(path: Path, key: str, x: np.ndarray) -> np.ndarray:
    """(N,C,H,W) uint8, contiguous, from one of the three layouts."""
    import numpy as np

    if x.dtype != np.uint8:
        unit = x.dtype.kind == "f" and x.size and np.nanmax(x) <= 1
        convert = f"np.rint({key} * 255).astype(np.uint8)" if unit else f"np.rint({key}).clip(0, 255).astype(np.uint8)"
        raise DataError(f"{path}: {key} is {x.dtype}, expected uint8 in 0..255; save {convert}")
    if x.ndim == 3 and x.size:
        return np.ascontiguousarray(x[:, None])
    if x.ndim == 4 and x.size and x.shape[3] in CHANNELS:
        return _channels_first(x)
    if x.ndim == 4 and x.size and x.shape[1] in CHANNELS:
        return np.ascontiguousarray(x)
    raise DataError(f"{path}: {key} has shape {x.shape}; give (N,H,W), (N,H,W,C) or (N,C,H,W) with C 1 or 3, and N > 0")


def _channels_first(x: np.ndarray) -> np.ndarray:
    """(N,C,H,W) of (N,H,W,C), in x's own memory where that is contiguous: a second array would be held beside it."""
    import numpy as np

    x = np.ascontiguousarray(x)
    count, height, width, channels = x.shape
    turned = x.reshape(count, channels, height, width)
    for start in range(0, count, CHUNK):  # an image's numbers stay where the image is
        turned[start : start + CHUNK] = x[start : start + CHUNK].transpose(0, 3, 1, 2).copy()
    return turned


def _labels(path: Path, key: str, y: np.ndarray) -> np.ndarray:
    """(N,) int64, none negative."""
    import numpy as np

    if y.dtype.kind not in "iu":
        raise DataError(f"{path}: {key} is {y.dtype}, expected integers 0..K-1; save {key}.astype(np.int64)")
    if y.ndim != 1 or not y.size:
        raise DataError(f"{path}: {key} has shape {y.shape}, expected (N,) with N > 0; give one label an image")
    for label in (y.min(), y.max()):
        if not 0 <= label <= np.iinfo(np.int32).max:
            raise DataError(f"{path}: {key} has the label {label}; number the classes 0..K-1")
    return y.astype(np.int64)


def _n_classes(path: Path, y_train: np.ndarray, y_test: np.ndarray) -> int:
    """K, where y_train has every label of 0..K-1 and y_test none beyond."""
    import numpy as np

    present, highest = np.unique(y_train), max(int(y_train.max()), int(y_test.max()))
    missing = np.flatnonzero(np.append(present, highest + 1) != np.arange(len(present) + 1))
    if len(missing) and missing[0] <= highest:
        raise DataError(
            f"{path}: y_train has no label {missing[0]}, though labels go up to {highest}; "
            "number the classes 0..K-1, each with training images"
        )
    if highest == 0:
        raise DataError(f"{path}: every label is 0, one class only; give at least two classes")
    return highest + 1
