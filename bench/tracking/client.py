"""The connection to MLflow: quiet, without telemetry, bounded in time, and with one kind of error.

mlflow is imported inside the functions: it takes seconds, and most verbs need none of it.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.runtime.errors import UsageError
from bench.tracking.content import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

GO_ON = "the run goes on without MLflow; write it later with: python -m bench track --rebuild"
# MLflow reads these when it is imported or at each call. Telemetry is on unless it is told otherwise.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


class TrackingError(UsageError):
    """MLflow could not be used; the message is one line: where, what is wrong, and what to do."""

    def __init__(self, uri: str, problem: object, hint: str = GO_ON) -> None:
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        line = without_password(lines[0])
        line = line if len(line) <= 240 else f"{line[:240]}..."
        super().__init__(f"MLflow at {without_password(uri)}: {line}; {hint}")


def is_remote(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite store; None for any other store."""
    return Path(uri.removeprefix("sqlite:///").split("?")[0]) if uri.startswith("sqlite:///") else None


@contextmanager
def guarded(uri: str, seconds: int = 10, retries: int = 1, hint: str = GO_ON) -> Iterator[None]:
    """Run calls to MLflow with limits of time that the user's own settings override.

    MLflow's own default is to try for four minutes, with a line on the screen for each attempt.
    Raises TrackingError for whatever MLflow, its database or the network makes of the calls.
    """
    limits = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries),
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    }
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ours = {name: value for name, value in limits.items() if name not in os.environ}
    network = logging.getLogger("urllib3.connectionpool")
    level = network.level
    os.environ.update(ours)
    network.setLevel(logging.ERROR)
    try:
        yield
    except _problems() as problem:
        raise TrackingError(uri, _cause(problem), hint) from problem
    finally:
        network.setLevel(level)
        for name in ours:
            os.environ.pop(name, None)


def connect(uri: str, results: Path, suite: str) -> tuple[MlflowClient, str]:
    """A client and the id of the suite's experiment; store, schema and experiment are made where they don't exist yet.

    Raises what `guarded` catches, and TrackingError for an SQLite store that was moved here from another folder.
    """
    _probe(uri)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    database = sqlite_path(uri)
    artifacts = (results if database is None else database.parent).resolve() / "mlartifacts"
    place = None if is_remote(uri) else artifacts.as_uri()
    experiment = client.get_experiment_by_name(suite)
    if experiment is None:
        return client, client.create_experiment(suite, artifact_location=place)
    if experiment.lifecycle_stage != "active":
        client.restore_experiment(experiment.experiment_id)
    # MLflow keeps absolute paths: a copied folder would write its pictures into the one that it was copied from.
    if database is not None and experiment.artifact_location != place:
        problem = f"its pictures belong to {experiment.artifact_location} (was the folder moved?)"
        raise TrackingError(uri, problem, f"remove {database} and write it anew with: python -m bench track --rebuild")
    return client, experiment.experiment_id


def search(client: MlflowClient, experiment: str, query: str) -> list[Run]:
    """Every run of the experiment that the query fits, over all pages."""
    found: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs([experiment], query, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def ui(results: Path, uri: str, port: int = 5000, host: str = "127.0.0.1") -> int:
    """Show the store in a browser: serve it until Ctrl-C, or name the address of the server that has it.

    Gives the exit code of MLflow's server.
    Raises TrackingError where there is no store yet, or the port is taken.
    """
    if is_remote(uri):
        print(f"MLflow: {without_password(uri)}")
        return 0
    database = sqlite_path(uri)
    if database is not None and not database.is_file():
        raise TrackingError(uri, "no store yet", "run a suite, or write it with: python -m bench track --rebuild")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as problem:
            raise TrackingError(uri, f"{host}:{port}: {problem}", "choose another port") from problem
    folder = (results if database is None else database.parent).resolve() / "mlartifacts"
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    command += ["--backend-store-uri", uri, "--registry-store-uri", uri]
    command += ["--artifacts-destination", folder.as_uri(), "--workers", "1"]  # four take four times the memory
    command += ["--uvicorn-opts", "--log-level warning"]  # not a line for each request
    # Its job queue serves language models alone, and starts processes of its own.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **QUIET, **os.environ}
    print(f"MLflow: http://{host}:{port} (Ctrl-C ends it)", flush=True)
    server = subprocess.Popen(command, env=environment)
    try:
        with _sigterm_as_interrupt():
            return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Without this `kill` ends us and leaves the server behind, holding the port."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _probe(uri: str) -> None:
    """Fail at once where MLflow would try a database for minutes: one that can't be written or reached."""
    database = sqlite_path(uri)
    if database is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(database, timeout=5)
        try:
            connection.execute("BEGIN IMMEDIATE")  # takes the write lock, writes nothing
            connection.rollback()
        finally:
            connection.close()
        return
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as problem:
        raise TrackingError(uri, problem) from problem
    default = DATABASE_PORTS.get(parts.scheme.partition("+")[0])
    if default and parts.hostname:
        socket.create_connection((parts.hostname, port or default), timeout=3).close()


def _problems() -> tuple[type[BaseException], ...]:
    """What an MLflow store can raise. ImportError: no driver for the database; UnicodeError: no name for a host."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, RequestException, SQLAlchemyError, sqlite3.Error, OSError, ImportError, UnicodeError)


def _cause(problem: BaseException) -> object:
    """The root of a chain of network errors, which says `Connection refused` where the outermost says a page."""
    reason: BaseException | None = problem
    while reason is not None:
        if isinstance(reason, ConnectionError | TimeoutError | socket.gaierror) and reason.args:
            return reason
        reason = reason.__cause__ or reason.__context__
    return problem
