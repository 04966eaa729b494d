"""MLflow, written by the parent process alone: an experiment a suite, a run an invocation, a child run a cell.

The records on disk are the truth; what is here can be lost and written again (`rebuild`). Only runs of this results
folder are ever ended or replaced. Open a Tracker, or rebuild, only while holding the results folder's lock: what is
RUNNING then was left by a parent that was killed.
"""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.records.cells import BrokenRecord, cells_folder, find
from bench.records.record import Record
from bench.tracking import content
from bench.tracking.client import GO_ON, TrackingError, connect, guarded, is_remote, search, sqlite_path, ui

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["Tracker", "TrackingError", "default_uri", "rebuild", "resolve", "ui"]

MADE_BY = "latentbench"  # the tag by which our runs are known: "invocation" or "cell"
REST_SECONDS = 60  # after a server failed, how long no cell waits for it again
T = TypeVar("T")


def default_uri(results: Path) -> str:
    """The SQLite store inside a results folder."""
    return f"sqlite:///{(results.resolve() / 'mlflow.db').as_posix()}"


def resolve(uri: str | None, results: Path) -> str | None:
    """Where to write: the argument, else $MLFLOW_TRACKING_URI, else the default; None where that says `none`."""
    chosen = uri or os.environ.get("MLFLOW_TRACKING_URI") or default_uri(results)
    return None if chosen.strip().lower() == "none" else chosen.strip()


class Tracker:
    """One invocation of a suite in MLflow. Every method may raise TrackingError; none costs a result.

    log_models: whether the weights of a cell's trained method go with its run; where they lie, a tag says in any case.
    """

    def __init__(self, client: MlflowClient, uri: str, results: Path, suite: str, experiment: str) -> None:
        self.client, self.uri, self.suite, self.experiment = client, uri, suite, experiment
        self.place = place(uri, results)
        self.hint, self.log_models = GO_ON, False
        self.run_id = ""
        self._statuses: Counter[str] = Counter()
        self._resting: tuple[float, TrackingError] | None = None

    @classmethod
    def attach(cls, uri: str, results: Path, suite: str, *, hint: str = GO_ON) -> Tracker:
        """Make what is missing of store and experiment, and end what a killed parent left RUNNING; starts no run.
        Raises TrackingError in seconds, where the store can't be used; `hint` is what it tells the user to do.
        """
        with guarded(uri, seconds=4, retries=0, hint=hint):
            client, experiment = connect(uri, results, suite)
            tracker = cls(client, uri, results, suite, experiment)
            tracker.hint = hint
            for run in search(client, experiment, f"attributes.status = 'RUNNING' and tags.{MADE_BY} LIKE '%'"):
                if run.data.tags.get("results") == tracker.place:
                    client.set_terminated(run.info.run_id, status="KILLED")
        return tracker

    @classmethod
    def open(cls, uri: str, results: Path, suite: str, plan: dict[str, Any]) -> Tracker:
        """`attach`, and start this invocation's run. Raises TrackingError in seconds where the store can't be used."""
        tracker = cls.attach(uri, results, suite)
        tracker.start(plan)
        return tracker

    def start(self, plan: dict[str, Any]) -> None:
        """Start this invocation's run: the plan's `git`, `version`, `command` become tags, all else parameters.
        Raises TrackingError where the store fails.
        """
        from mlflow.entities import Param

        command = content.without_password(str(plan.get("command") or shlex.join(sys.argv)))
        tags = self._own_tags("invocation", content.commit(plan.get("git")))
        tags |= {"version": content.text(plan.get("version") or _version()), "command": command[: content.TAG_LENGTH]}
        flat = content.flatten({name: value for name, value in plan.items() if name not in tags})
        legal = content.legal_names(flat)
        params = [Param(legal[name], content.without_password(value)) for name, value in flat.items()]
        name = f"{self.suite} {datetime.now():%Y-%m-%d %H:%M:%S}"
        with guarded(self.uri, seconds=4, retries=0, hint=self.hint):
            self.run_id = self.client.create_run(self.experiment, tags=tags, run_name=name).info.run_id
            for some in _chunks(params, 100):
                self.client.log_batch(self.run_id, params=some, synchronous=True)

    def written(self) -> set[str]:
        """The digests of the records that the experiment has. Raises TrackingError."""
        with guarded(self.uri, hint=self.hint):
            runs = search(self.client, self.experiment, f"tags.{MADE_BY} = 'cell'")
        return {run.data.tags[content.DIGEST_TAG] for run in runs if content.DIGEST_TAG in run.data.tags}

    def log(self, record: Record, folder: Path) -> bool:
        """Write one cell as a child run; False where this very record is there already.

        A record that differs from this results folder's earlier one (a retry) replaces it. The digest is tagged last,
        so that a run half written is never taken for the cell's.
        Raises TrackingError also at once, without a call, in the minute after a remote server failed.
        """
        if self._resting and time.monotonic() < self._resting[0]:
            raise self._resting[1]
        try:
            with guarded(self.uri, hint=self.hint):
                written = self._log(record, folder)
        except TrackingError as problem:
            if is_remote(self.uri):
                self._resting = (time.monotonic() + REST_SECONDS, problem)
            raise
        self._statuses[record.status] += 1
        return written

    def add(self, values: Mapping[str, float], files: Sequence[Path] = ()) -> None:
        """Metrics, at most 1,000, and artifacts of the invocation's own run. Raises TrackingError."""
        from mlflow.entities import Metric

        now, names = int(time.time() * 1000), content.legal_names(values)
        metrics = [Metric(names[name], float(value), now, 0) for name, value in values.items()]
        with guarded(self.uri, hint=self.hint):
            self.client.log_batch(self.run_id, metrics=metrics, synchronous=True)
            for path in files:
                self.client.log_artifact(self.run_id, str(path))

    def close(self, status: str = "FINISHED") -> None:
        """End the invocation's run: FINISHED, FAILED or KILLED. Raises TrackingError."""
        with guarded(self.uri, seconds=4, retries=0, hint=self.hint):
            self.add({f"cells_{name}": count for name, count in sorted(self._statuses.items())})
            self.client.set_terminated(self.run_id, status=status)

    def _log(self, record: Record, folder: Path) -> bool:
        digest = content.digest(record)
        earlier = search(self.client, self.experiment, f"tags.cell = '{record.cell}'")
        same = [run for run in earlier if run.data.tags.get(content.DIGEST_TAG) == digest]
        if not same:
            self._write(record, folder, digest)
        for run in earlier:
            if run not in same and run.data.tags.get("results") == self.place:
                self.client.delete_run(run.info.run_id)
        return not same

    def _write(self, record: Record, folder: Path, digest: str) -> None:
        start, end = content.span(record, folder)
        tags = self._own_tags("cell", content.commit(record.environment.get("git")))
        tags |= {"mlflow.parentRunId": self.run_id, **content.tags(record), **content.model_tags(record, folder)}
        name = f"{record.label} seed {record.seed}"
        run = self.client.create_run(self.experiment, start_time=start, tags=tags, run_name=name).info.run_id
        self._write_numbers(run, record, folder, end)
        for path in [*content.artifacts(folder), *(content.model_file(record, folder) if self.log_models else [])]:
            self.client.log_artifact(run, str(path))
        self.client.set_terminated(run, status=content.RUN_STATUS.get(record.status, "FAILED"), end_time=end)
        self.client.set_tag(run, content.DIGEST_TAG, digest, synchronous=True)

    def _write_numbers(self, run: str, record: Record, folder: Path, now: int) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

        points, flat = content.points(record, folder), content.params(record)
        names, keys = content.legal_names(point.name for point in points), content.legal_names(flat)
        metrics = [Metric(names[point.name], point.value, now, point.step) for point in points]
        params = [Param(keys[name], value) for name, value in flat.items()]
        # A call takes 100 params, 1,000 metrics and 1,000 things in all.
        for some, others in zip_longest(_chunks(metrics, 900), _chunks(params, 100), fillvalue=()):
            self.client.log_batch(run, metrics=some, params=others, synchronous=True)
        if data := content.dataset_input(record):
            use = InputTag("mlflow.data.context", "training")
            self.client.log_inputs(run, [DatasetInput(Dataset(**data), [use])])

    def _own_tags(self, kind: str, git: str) -> dict[str, str]:
        tags = {MADE_BY: kind, "suite": self.suite, "results": self.place, "mlflow.user": _user()}
        tags |= {"mlflow.source.name": MADE_BY, "mlflow.source.type": "LOCAL"}
        return tags | ({"git": git, "mlflow.source.git.commit": git.removesuffix("-changed")} if git else {})


def rebuild(results: Path, uri: str | None, log_models: bool = False) -> int:
    """Write every record under results that the store doesn't have yet, all suites; gives how many were written.

    A broken record is passed over and named on standard error.
    Raises TrackingError where the store can't be used, or tracking is switched off.
    """
    hint = "nothing is lost; try again with: python -m bench track --rebuild"
    target = resolve(uri, results)
    if target is None:
        raise TrackingError("none", "tracking is switched off", "name a store with --tracking-uri")
    suites: dict[str, list[Record]] = {}
    for record in find(results):
        if isinstance(record, BrokenRecord):
            print(f"not written: {record}", file=sys.stderr)
        else:
            suites.setdefault(record.suite, []).append(record)
    count = 0
    for suite, records in suites.items():
        tracker = Tracker.attach(target, results, suite, hint=hint)
        tracker.log_models = log_models
        written = tracker.written()
        missing = [record for record in records if content.digest(record) not in written]
        if missing:
            tracker.start({"rebuild": True, "cells": len(missing)})
            count += sum(tracker.log(record, cells_folder(results) / record.cell) for record in missing)
            tracker.close()
    return count


def place(uri: str, results: Path) -> str:
    """Which results folder a run belongs to. On a store that several machines share, a path alone would not tell."""
    folder = str(results.resolve())
    return folder if sqlite_path(uri) else f"{socket.gethostname()}:{folder}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return "unknown"


def _version() -> str:
    try:
        return metadata.version(MADE_BY)
    except metadata.PackageNotFoundError:  # run from a checkout
        return "unknown"


def _chunks(things: Sequence[T], size: int) -> list[Sequence[T]]:
    return [things[start : start + size] for start in range(0, len(things), size)]
