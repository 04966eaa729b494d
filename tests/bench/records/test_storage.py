"""What is written is whole or not there; a lock ends with its process; tensors come back as they were."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
import torch

from bench.records.storage import Held, keep_tensors, kept_tensors, locked, replacing, write_text


def test_an_error_or_a_disk_that_takes_no_more_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "a"
    write_text(path, "one é")
    with suppress(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    monkeypatch.setattr(os, "fsync", mock.Mock(side_effect=OSError(28, os.strerror(28))))
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "two")
    monkeypatch.undo()
    assert path.read_text(encoding="utf-8") == "one é"
    assert [one.name for one in path.parent.iterdir()] == ["a"]
    write_text(path, "two")
    assert path.read_text() == "two"


def test_files_have_the_permissions_that_others_would_give_them(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "a", "")
    keep_tensors(tmp_path / "b", {"x": torch.zeros(1)})
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(set(modes.values())) == 1, modes


def test_tensors_come_back_to_the_bit(tmp_path: Path) -> None:
    x = torch.rand(4, 5)
    tensors = {"x": x, "same": x, "view": x[1:3], "across": x.T, "n": torch.tensor(3), "none": torch.zeros(0, 2)}
    tensors |= {"grad": torch.nn.Parameter(x), "half": x.bfloat16(), "nan": torch.tensor([torch.nan, -0.0])}
    keep_tensors(tmp_path / "a.safetensors", tensors)
    found = kept_tensors(tmp_path / "a.safetensors")
    assert found is not None
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name].nan_to_num(7), value.nan_to_num(7)), name


@pytest.mark.parametrize("content", [None, b"", b"not tensors", "half"])
def test_what_is_broken_or_not_there_is_none(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "a.safetensors"
    if content is not None:
        keep_tensors(path, {"x": torch.rand(50)})
        path.write_bytes(path.read_bytes()[:60] if content == "half" else content)  # type: ignore[arg-type]
    assert kept_tensors(path) is None


HOLDS = """
import sys, time
from pathlib import Path
from bench.records.storage import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_one_processs_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.lock"
    with locked(path):
        pass
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Held), locked(path, wait=False):
        pass
    holder.kill()
    with locked(path), pytest.raises(Held), locked(path, wait=False):  # waits for the end of the process, and no longer
        pass
    with locked(path, wait=False):
        pass
    holder.communicate()
