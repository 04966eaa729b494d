"""What is kept on disk is whole or not there: the one atomic write, the one lock, the one way to keep tensors."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Held(Exception):
    """Another process holds the lock."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write in place of `path`, whose folder is made where it is absent.

    A crash at any moment, or an error inside, leaves the old file or the new one, never a part; processes that write the same do not meet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # safetensors' files are for their owner alone
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace the file at `path` by this text, in UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock file at `path`; it ends with its process, also where that is killed. Raises Held at once without `wait`."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        raise Held(str(path)) from None
    try:
        yield
    finally:
        lock.release()


def keep_tensors(path: Path, tensors: Mapping[str, Tensor], text: str = "") -> None:
    """Write tensors by name, from whatever device, as safetensors, and beside them a text. Raises OSError, as for a full disk."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    on_host: dict[str, Tensor] = {}
    memory: set[int] = set()
    for name, value in tensors.items():
        value = value.detach().cpu().contiguous()
        place = value.untyped_storage().data_ptr()
        on_host[name] = value.clone() if place in memory else value  # safetensors refuses two names for one memory
        memory.add(place)
    with replacing(path) as temporary:
        try:
            save_file(on_host, temporary, {"text": text} if text else None)
        except SafetensorError as problem:
            raise OSError(str(problem)) from problem


def kept_tensors(path: Path) -> dict[str, Tensor] | None:
    """The tensors kept at `path`, on the CPU; None where there are none or the file is broken."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError):
        return None


def kept_text(path: Path) -> str:
    """The text beside the tensors kept at `path`; empty where there is none."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return (file.metadata() or {}).get("text", "")
