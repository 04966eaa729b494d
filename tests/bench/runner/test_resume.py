"""A run that is killed or interrupted, again and again, ends where an undisturbed one would, and repeats nothing."""

import json
import os
import shutil
import signal
import subprocess
from dataclasses import asdict
from pathlib import Path

from helpers_e2e import gone, here, records, stamp, start, wait_for, write_suite
from helpers_plan import planned, suite_of
from made_up import record

from bench.records.cells import find
from bench.records.plan import Plan
from bench.records.record import Record
from bench.runner.run import split_done

WAITING = '''
import os, time
from pathlib import Path

from methods.base import method
from methods.vae import VAE


@method("waiting", source="tests")
class Waiting(VAE):
    """A VAE that tells its process and waits in its first step until the test lets it go on."""

    def terms(self, x, y):
        here = Path(__file__).parent
        (here / "pids" / f"{os.getpid()}.pid").write_text(f"{os.getpid()} {os.getppid()}")
        while not (here / "go").exists():
            time.sleep(0.02)
        return super().terms(x, y)
'''


class Disturbed:
    """A suite of two fast cells and two that wait, in one results folder, and what is seen of its processes."""

    def __init__(self, folder: Path) -> None:
        (folder / "waiting.py").write_text(WAITING)
        small = {"hidden": 16, "latent": 4}
        rows = {"vae": small, "waiting": {"method": "waiting", **small}}
        self.folder, self.results = folder, folder / "results"
        self.suite = write_suite(folder, rows, name="disturbed", seeds=2, plugins=["waiting.py"])
        self.uri = f"sqlite:///{self.results}/mlflow.db"
        self.words = ["--suite", self.suite, "--jobs", "2", "--tracking-uri", self.uri]

    def until_waiting(self) -> "tuple[subprocess.Popen[str], set[int]]":
        """Start the run; gives it and its processes once both fast cells are recorded and the others wait in a step."""
        pids = self.folder / "pids"
        shutil.rmtree(pids, ignore_errors=True)
        pids.mkdir()
        process = start(self.folder, "run", *self.words, results=self.results)

        def both_wait() -> list[Path]:
            assert process.poll() is None, process.communicate()
            files = [file for file in pids.glob("*.pid") if file.read_text().count(" ")]
            whole = [one for one in find(self.results) if isinstance(one, Record)]
            return files if len(files) == 2 and len(whole) == 2 else []

        return process, {int(pid) for file in wait_for(both_wait, "the cells") for pid in file.read_text().split()}

    def records(self) -> dict:
        return records(self.results)

    def finish(self) -> None:
        (self.folder / "go").write_text("")
        found = here("run", *self.words, results=self.results)
        assert found.code == 0, found.out + found.err
        assert "2 to train, 2 to score, 2 done before" in found.out

    def child_runs(self) -> list:
        """Every run of the store that is a cell's, deleted ones apart, and that none is left RUNNING."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        experiment = client.get_experiment_by_name("disturbed")
        runs = client.search_runs([experiment.experiment_id])
        assert not [run for run in runs if run.info.status == "RUNNING"]
        return [run for run in runs if run.data.tags["latentbench"] == "cell"]


def test_killed_interrupted_and_gone_on(tmp_path: Path) -> None:
    run = Disturbed(tmp_path)

    # kill -9 of the parent alone: its workers end too, and what was finished is whole.
    process, pids = run.until_waiting()
    again = here("run", "--suite", write_suite(tmp_path), results=run.results)
    assert f"another run (process {process.pid}) is writing to it" in again.refusal()
    process.kill()
    process.communicate()
    wait_for(lambda: all(gone(pid) for pid in pids), f"the processes {pids} to end with their parent")
    assert {key: one["status"] for key, one in run.records().items()} == {("vae", 0): "ok", ("vae", 1): "ok"}
    assert not list(run.results.rglob(".record.json.*"))
    finished, broken = stamp(run.results, "vae", 0), stamp(run.results, "vae", 1)[1][:1000]

    # A record that something has cut short is named, kept aside and made again. Ctrl-C ends the run cleanly.
    cell = run.results / "cells" / run.records()["vae", 1]["cell"]
    (cell / "record.json").write_bytes(broken)
    process, pids = run.until_waiting()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "2 to train, 3 to score, 1 done before" in out
    assert f"{cell / 'record.json'}: not a record" in err
    assert "record.broken-1.json" in err
    assert "interrupted: finished cells are kept; go on with:" in err
    assert err.rstrip().splitlines()[-1].strip().startswith(f"python -m bench run --suite {run.suite}")
    assert "Traceback" not in err
    wait_for(lambda: all(gone(pid) for pid in pids), f"the processes {pids} to end")
    assert (cell / "record.broken-1.json").read_bytes() == broken
    assert stamp(run.results, "vae", 0) == finished

    # Left alone, the rest is done and nothing else.
    remade = stamp(run.results, "vae", 1)
    run.finish()
    assert [stamp(run.results, "vae", seed) for seed in (0, 1)] == [finished, remade]
    kept = run.records()
    assert {key: one["status"] for key, one in kept.items()} == {
        (label, seed): "ok" for label in ("vae", "waiting") for seed in (0, 1)
    }
    children = run.child_runs()
    assert sorted(child.data.tags["cell"] for child in children) == sorted(one["cell"] for one in kept.values())
    assert {child.info.status for child in children} == {"FINISHED"}
    # A method that draws no more noise trains on the same batches from the same weights; another seed gives others.
    bce = {key: one["metrics"]["reconstruction_bce"] for key, one in kept.items()}
    assert bce["vae", 0] == bce["waiting", 0] != bce["vae", 1] == bce["waiting", 1]


def test_whatever_is_no_record_is_set_aside(tmp_path: Path) -> None:
    plan = Plan("tiny", cells=[asdict(cell) for cell in planned(suite_of({"vae": {}}))], results=str(tmp_path))
    folder = tmp_path / "cells" / plan.cells[0]["cell"]
    folder.mkdir(parents=True)
    newer = json.dumps(asdict(record()) | {"schema": 99}).encode()
    broken = [b"", b"{", b"[]", b"null", b"{}", newer, b"\xff\xfe\x00", b'{"schema": 1, "cell": "x"}']
    for number, content in enumerate(broken, 1):
        (folder / "record.json").write_bytes(content)
        todo, done = split_done(plan, retry_failed=False, force=False)
        assert ([one.cell for one in todo], done) == ([plan.cells[0]["cell"]], [])
        assert (folder / f"record.broken-{number}.json").read_bytes() == content
    assert not (folder / "record.json").exists()
