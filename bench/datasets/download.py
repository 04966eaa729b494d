"""Downloads by torchvision, staged aside: what lies in a data folder is whole, however a download was interrupted."""

import http.client
import os
import re
import shutil
import socket
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.datasets.base import DataError

SILENCE_SECONDS = 30.0  # without a limit, a network that swallows packets would hang a run for ever


def fetch(kind: str, root: Path, files: list[str], archives: list[str], download: bool) -> None:
    """See to it that `files` (relative to root; a folder's name ends with /) are there: by torchvision's class `kind` where some are not.

    Archives that the user put in place are used where their md5 fits. Files already there are left as they are.
    Raises DataError, naming the folder, the problem and the missing files, where download is off or fails.
    """
    missing = [name for name in files if not _is_there(root, name)]
    if not missing:
        return
    if not download:
        raise _absent(kind, root, missing, "downloading is switched off")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as stage, _patience(SILENCE_SECONDS):
            _download(kind, root, Path(stage), archives)
            for name in missing:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(stage) / name, root / name)  # an empty folder in its place gives way
    except (OSError, RuntimeError, EOFError, zlib.error, http.client.HTTPException) as problem:
        reason = f"the download failed ({_short(problem)})"
        packed = (
            f", or {', '.join(Path(name).name for name in archives)} in {(root / archives[0]).parent}"
            if archives
            else ""
        )
        raise _absent(kind, root, missing, reason, packed) from problem


def _is_there(root: Path, name: str) -> bool:
    """Whether it is, a folder with something inside it."""
    return any(os.scandir(root / name)) if name.endswith("/") and (root / name).is_dir() else (root / name).is_file()


def _download(kind: str, root: Path, stage: Path, archives: list[str]) -> None:
    import torchvision.datasets

    for name in archives:
        if (root / name).is_file():
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, stage / name)  # a link would let torchvision overwrite the user's own file
    try:
        getattr(torchvision.datasets, kind)(stage, download=True)
    except Exception as problem:
        if type(problem).__module__.startswith(
            "gdown"
        ):  # not to be imported: it may be absent, and derives from no other
            raise OSError(str(problem)) from problem
        raise


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """A limit on silence for sockets opened inside, since torchvision sets none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _short(problem: BaseException) -> str:
    """The reason in one short line: of torchvision's list of mirrors tried, what the first one gave."""
    text = str(problem) or type(problem).__name__
    tried = re.search(r"got:\s*(.+)", text)
    line = " ".join((tried.group(1) if tried else text).split()).removeprefix("<urlopen error ").removesuffix(">")
    return line if len(line) <= 160 else f"{line[:157]}..."


def _absent(kind: str, root: Path, missing: list[str], reason: str, packed: str = "") -> DataError:
    folder = (root / missing[0]).parent
    names = ", ".join(Path(name).name for name in missing)
    return DataError(f"{kind}: not whole in {folder} and {reason}; put {names} in {folder}{packed}")
