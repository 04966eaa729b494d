"""Files of images: which there are, what tells that one has changed, and their decoding."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.base import DataError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")
GREY, COLOUR = ("1", "L", "LA"), ("P", "RGB", "RGBA", "CMYK", "YCbCr")


@contextmanager
def readable() -> Iterator[None]:
    """Name the file that the system will not let us read, in one line."""
    try:
        yield
    except OSError as problem:
        raise DataError(f"{problem.filename}: cannot be read ({problem.strerror}); mend or remove it") from problem


def check_folder(path: Path, advice: str) -> None:
    """Raise DataError, with the advice, where a path is no folder."""
    if not path.is_dir():
        wrong = "is not a folder" if path.exists() else "does not exist"
        raise DataError(f"{path}: {wrong}; {advice}")


def is_image(name: str) -> bool:
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")  # "._x.jpg" is macOS's note about x.jpg


def images_below(top: Path) -> list[str]:
    """The paths of the images in a folder and in deeper ones, sorted; strings, as Path is slow by the thousand."""

    def stop(problem: OSError) -> None:
        raise problem  # os.walk would pass over a folder that cannot be read, and leave its images out in silence

    return sorted(
        os.path.join(where, name) for where, _, names in os.walk(top, onerror=stop) for name in names if is_image(name)
    )


@readable()
def key_of(path: Path, files: Sequence[str], decoder: str) -> str:
    """A hash of every file's path below `path`, size and time of change: what is kept is used while none of them moves.

    decoder: a version of what is made of the files.
    """
    digest = hashlib.sha256(decoder.encode())
    for file in files:
        about = os.stat(file)
        digest.update(
            f"{file.removeprefix(str(path))}\0{about.st_size}\0{about.st_mtime_ns}\n".encode(errors="surrogateescape")
        )
    return digest.hexdigest()[:32]


def short_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]


def decode(file: str, into: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    """uint8 (H,W,1 or 3) of one file: the image, upright, as `into` makes it one of kind L or RGB.

    Raises DataError, naming the file, where it cannot be decoded.
    """
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode not in GREY + COLOUR:
                raise DataError(f"{file}: pixels are of kind {image.mode}, not 8-bit; convert it to an 8-bit PNG")
            pixels = np.asarray(into(image))
    except DataError:
        raise
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        struct.error,
        Image.DecompressionBombError,
    ) as problem:
        reason = " ".join(str(problem).split())
        raise DataError(f"{file}: cannot be decoded ({reason}); replace or remove it") from problem
    return pixels.reshape(*pixels.shape[:2], -1)


def in_threads(fill: Callable[[int], None], count: int) -> None:
    """Call `fill` with each of 0..count-1; the first failure in order is raised. Pillow decodes outside Python's lock."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for _ in threads.map(fill, range(count)):
            pass
