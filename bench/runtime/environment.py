"""What a result was measured on: versions, device, threads, git state of this project."""

import os
import platform
import re
import resource
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from bench.runtime.errors import UsageError

PACKAGES = (
    "latentbench",
    "torch",
    "torchvision",
    "torch-fidelity",
    "scikit-learn",
    "scipy",
    "numpy",
    "pandas",
    "mlflow",
)


def choose_device(name: str) -> torch.device:
    """`auto`, `cpu`, `cuda` or `cuda:N`. Raises UsageError for one that this machine has not, and for several."""
    first, *others = choose_devices(name)
    if others:
        raise UsageError(f"--device {name}: one device is taken here, not {1 + len(others)}: give cuda:N")
    return first


def choose_devices(name: str) -> list[torch.device]:
    """One, or several GPUs as in `cuda:0,1`. Raises UsageError for what this machine has not, one named twice, and kinds mixed."""
    if not re.fullmatch(r"auto|(cpu|cuda(:\d+)?)(,(cpu|(cuda:)?\d+))*", name):
        raise UsageError(f"--device {name!r}: give auto, cpu, cuda, cuda:N or several as in cuda:0,1")
    devices = [_device(f"cuda:{part}" if part.isdigit() else part) for part in name.split(",")]
    if len({device.type for device in devices}) > 1:
        raise UsageError(f"--device {name}: cells of one run are all on the CPU or all on GPUs")
    twice = [device for device in devices if devices.count(device) > 1]
    if twice:
        raise UsageError(f"--device {name}: {twice[0]} is named twice: --jobs says how many cells share a device")
    return devices


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise UsageError(
                f"--device {name}: this machine has {count} CUDA device{'s' * (count != 1)} that torch can use: give cpu or auto"
            )
        return torch.device("cuda", device.index or 0)
    return device


@cache
def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


@cache
def processor() -> str:
    """The CPU's own name and its number of cores."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        match = re.search(r"model name\s*:\s*(.+)", information.read_text())
        name = match.group(1).strip() if match else name
    elif sys.platform == "darwin":
        name = _output(["sysctl", "-n", "machdep.cpu.brand_string"]) or name
    return f"{name}, {cores()} cores"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 by itself; without it bf16 is slower than fp32."""
    information = Path("/proc/cpuinfo")
    return information.is_file() and bool(re.search(r"avx512_bf16|amx_bf16|\bbf16\b", information.read_text()))


@cache
def git_state() -> dict[str, Any]:
    """Commit of this project's checkout and whether files differ from it; empty outside one."""
    root = Path(__file__).resolve().parents[2]
    commit = _output(["git", "-C", str(root), "rev-parse", "HEAD"]) if (root / ".git").exists() else ""
    if not commit:
        return {}
    return {"commit": commit, "changed": bool(_output(["git", "-C", str(root), "status", "--porcelain"]))}


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()


def describe(device: torch.device) -> dict[str, Any]:
    return {
        "device": device_name(device),
        "device_type": device.type,
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "versions": versions(),
        "git": git_state(),
    }


def peak_memory(device: torch.device) -> int:
    """Bytes: the allocator's peak on a GPU, the process's peak resident size on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
