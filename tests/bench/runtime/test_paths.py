"""Where things lie: arguments before variables before defaults."""

import sys
from pathlib import Path

import pytest

from bench.runtime.paths import cache_folder, data_root, results_folder


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("BENCH_CACHE", "XDG_CACHE_HOME", "BENCH_DATA_ROOT", "BENCH_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")


@pytest.mark.parametrize(("platform", "place"), [("linux", ".cache"), ("darwin", "Library/Caches")])
def test_cache(platform, place, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == Path("/home/someone", place, "latentbench")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/latentbench")
    monkeypatch.setenv("BENCH_CACHE", "~/own")
    assert cache_folder() == Path("/home/someone/own")
    monkeypatch.setenv("BENCH_CACHE", "")
    assert cache_folder() == Path("/xdg/latentbench")


def test_data_root(monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", "/cache")
    assert data_root() == Path("/cache/data")
    monkeypatch.setenv("BENCH_DATA_ROOT", "/data")
    assert data_root(None) == Path("/data")
    assert data_root("~/given") == Path("/home/someone/given")


def test_results_folder(monkeypatch):
    assert results_folder() == Path("results")
    monkeypatch.setenv("BENCH_RESULTS", "/results")
    assert results_folder() == Path("/results")
    assert results_folder("given") == Path("given")
