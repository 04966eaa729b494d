"""The connection to MLflow: quiet, without telemetry, and quick to give up. No store is made here."""

import os
import socket
import subprocess
import sys
import time
from types import SimpleNamespace
from unittest import mock

import pytest

from bench.tracking import client as _mlflow
from bench.tracking import tracker as track


def test_importing_is_quick_and_telemetry_is_off():
    code = (
        "import sys, bench.tracking.tracker as t; assert 'mlflow' not in sys.modules and 'torch' not in sys.modules\n"
        "from bench.tracking import client\n"
        "with client.guarded('x'):\n"
        "    from mlflow.telemetry import get_telemetry_client\n"
        "    from mlflow.telemetry.utils import is_telemetry_disabled\n"
        "assert is_telemetry_disabled() and get_telemetry_client() is None"
    )
    # Under pytest and in CI MLflow switches its telemetry off by itself.
    hidden = ("PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "DO_NOT_TRACK")
    environment = {name: value for name, value in os.environ.items() if name not in (*hidden, *_mlflow.QUIET)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_store_that_cannot_be_used_fails_fast(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT", raising=False)
    (tmp_path / "text.db").write_text("no database " * 100)
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        addresses = [
            f"http://me:secret@127.0.0.1:{closed.getsockname()[1]}",
            f"http://127.0.0.1:{silent.getsockname()[1]}",
            f"postgresql://me:secret@127.0.0.1:{closed.getsockname()[1]}/db",
            f"sqlite:///{tmp_path}/text.db",
            "http://127.0.0.1:port",
            "nonsense://x",
        ]
        for address in addresses:
            start = time.monotonic()
            with pytest.raises(track.TrackingError, match="the run goes on without MLflow") as caught:
                track.Tracker.open(address, tmp_path, "tiny", {})
            assert time.monotonic() - start < 8, address
            assert "secret" not in str(caught.value)
            assert "\n" not in str(caught.value)
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ


def test_user_interface(tmp_path, monkeypatch, capsys):
    results = tmp_path / "results"
    results.mkdir()
    assert track.ui(results, "http://me:secret@host:5000", 5000, "127.0.0.1") == 0
    assert capsys.readouterr().out == "MLflow: http://***@host:5000\n"
    with pytest.raises(track.TrackingError, match="no store yet"):
        track.ui(results, track.default_uri(results), 5000, "127.0.0.1")
    (results / "mlflow.db").touch()
    start = mock.Mock(return_value=SimpleNamespace(wait=lambda: 0, terminate=lambda: None))
    monkeypatch.setattr(subprocess, "Popen", start)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(track.TrackingError, match="choose another port"):
            track.ui(results, track.default_uri(results), port, "127.0.0.1")
    assert track.ui(results, track.default_uri(results), port, "127.0.0.1") == 0
    assert f"http://127.0.0.1:{port}" in capsys.readouterr().out
    assert track.default_uri(results) in start.call_args.args[0]
    assert start.call_args.kwargs["env"]["MLFLOW_DISABLE_TELEMETRY"] == "true"
