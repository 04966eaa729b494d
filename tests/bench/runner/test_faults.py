"""What a method can do to its cell: the cell gets a status, every other cell its record, and the user a way on."""

from pathlib import Path

import pytest
from helpers_e2e import Outcome, here, records, stamp, statuses, write_suite

from bench.records.plan import Plan
from bench.runner.run import split_done

FAULTY = '''
import errno, os, signal, sys, time
from pathlib import Path

from methods.base import Count, method
from methods.vae import VAE


def full_disk(terms):
    def fsync(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync = fsync


def for_ever(terms):
    while True:
        time.sleep(0.01)


def raises(terms):
    raise RuntimeError("the method's own words\\nand more of them")


FAULTS = {
    "nan": lambda terms: terms.update(kl=terms["kl"] * float("nan")),
    "shape": lambda terms: terms.update(kl=terms["kl"].mean()),
    "no-terms": lambda terms: terms.clear(),
    "raises": raises,
    "exits": lambda terms: sys.exit("bye"),
    "exits-well": lambda terms: sys.exit(0),
    "os-exit": lambda terms: os._exit(7),
    "os-exit-well": lambda terms: os._exit(0),
    "sigkill": lambda terms: os.kill(os.getpid(), signal.SIGKILL),
    "for-ever": for_ever,
    "memory": lambda terms: bytearray(1 << 60),
    "full-disk": full_disk,
}


@method("faulty", source="tests")
class Faulty(VAE):
    """A VAE until its fault strikes, in the first step of training."""

    def __init__(self, spec, *, latent: Count = 4, hidden: Count = 16, fault: str):
        super().__init__(spec, latent=latent, hidden=hidden)
        self.fault = fault

    def terms(self, x, y):
        terms = super().terms(x, y)
        if not Path(__file__).with_name("mended").exists():
            FAULTS[self.fault](terms)
        return terms
'''
STRIKES = {
    "for-ever": ("timeout", ["time limit of 10 s"]),
    "nan": ("diverged", ["term '", "is nan", "epoch 1", "phase 'train'"]),
    "shape": ("error", ["'kl'", "shape ()", "(128,)", "one value per image"]),
    "no-terms": ("error", ["dict of named per-image tensors"]),
    "raises": ("error", ["the method's own words"]),
    "exits": ("error", ["bye"]),
    "exits-well": ("error", ["sys.exit(0) was called"]),
    "os-exit": ("error", ["exit code 7", "log.txt"]),
    "os-exit-well": ("error", ["without", "record", "log.txt"]),  # exit status 0 alone is no success
    "sigkill": ("killed", ["SIGKILL"]),
    "memory": ("oom", ["MemoryError"]),
    "full-disk": ("error", ["exit code 1", "log.txt"]),
}
"""Fault to the status of its cell, and what its message says."""
STATUSES = {"first": "ok", **{fault: status for fault, (status, _) in STRIKES.items()}, "last": "ok"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def struck(folder: Path) -> Outcome:
    """Every fault in one run, between two sound rows."""
    (folder / "faulty.py").write_text(FAULTY)
    sound = {"method": "vae", "hidden": 16, "latent": 4}
    rows = {fault: {"method": "faulty", "fault": fault} for fault in STRIKES}
    suite = write_suite(folder, {"first": sound, **rows, "last": sound}, name="faults")
    words = ["--suite", suite, "--plugin", folder / "faulty.py", "--time-limit", "10", "--jobs", "3"]
    return here("run", *words, results=folder / "results")


def test_every_fault_is_a_status_and_stops_no_other_cell(folder: Path, struck: Outcome) -> None:
    assert struck.code == 1, struck.err
    assert statuses(folder / "results") == STATUSES
    assert "Traceback" not in struck.err + struck.out
    errors = {label: content["error"] for (label, _), content in records(folder / "results").items()}
    for label, (_, parts) in STRIKES.items():
        assert all(part in errors[label]["message"] for part in parts), (label, errors[label])
    assert 'raise RuntimeError("the method' in errors["raises"]["traceback"]
    assert "faulty.py" in errors["raises"]["traceback"]
    assert "No space left on device" in errors["full-disk"]["traceback"]
    assert errors["first"] is None


def test_a_failure_keeps_what_is_known_of_it(folder: Path, struck: Outcome) -> None:
    kept = records(folder / "results")
    for label in STRIKES:
        record = kept[label, 0]
        assert record["options"] == {"latent": 4, "hidden": 16, "fault": label}
        assert record["sources"]
        assert record["data_digest"]
        assert record["metrics"] == {}
        assert record["environment"]["device_type"] == "cpu"
        assert (folder / "results" / "cells" / record["cell"] / "log.txt").is_file()
    log = folder / "results" / "cells" / kept["exits", 0]["cell"] / "log.txt"
    assert "bye" in log.read_text()


def test_the_leaderboard_shows_every_failure(struck: Outcome) -> None:
    rows = {line.split()[0]: line.split()[-1] for line in struck.out.splitlines() if len(line.split()) > 3}
    assert rows.items() >= STATUSES.items()
    assert f"{len(STRIKES)} of {len(STRIKES) + 2} cells are not ok" in struck.out
    assert struck.out.rstrip().endswith("--retry failed")
    one_line = [line for line in struck.out.splitlines() if " raises seed 0 " in line]
    assert len(one_line) == 1
    assert "error: the method's own words" in one_line[0]


def test_retry_runs_what_failed_and_nothing_else(folder: Path, struck: Outcome) -> None:
    results = folder / "results"
    plan = Plan.read(results / "plans" / "faults.json")
    counts = [len(split_done(plan, *flags)[0]) for flags in ((False, False), (True, False), (False, True))]
    assert counts == [0, len(STRIKES), len(STRIKES) + 2], "no failure is tried again unasked; --retry failed; --force"
    sound = {label: stamp(results, label) for label in ("first", "last")}
    words = ["--suite", folder / "faults.toml", "--plugin", folder / "faulty.py", "--retry", "failed"]
    (folder / "mended").write_text("")  # beside the plug-in: its source, and so the cells' ids, stay as they are
    again = here("run", *words, results=results)
    assert again.code == 0, again.out + again.err
    assert f"{len(STRIKES)} to train, {len(STRIKES)} to score, 2 done before" in again.out
    assert set(statuses(results).values()) == {"ok"}
    assert {label: stamp(results, label) for label in sound} == sound
