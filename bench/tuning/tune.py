"""The verb `tune`: a method's options searched on a suite, scored on a held-out part of training, never on the test split.

Trials are ordinary cells in a results folder of their own, RESULTS/tune/<suite>-<label>/, beside the study's journal.
"""

import shlex
import sys
from dataclasses import replace
from pathlib import Path

from bench.config.overrides import SuiteOverrides
from bench.runner.plan import RunSettings
from bench.runner.run import INTERRUPTED, owned
from bench.runtime.errors import UsageError
from bench.runtime.paths import results_folder
from bench.tracking import tracker as track
from bench.tuning.report import Report
from bench.tuning.target import TuneSettings, settle
from bench.tuning.trials import Trials


def tune(overrides: SuiteOverrides, run_settings: RunSettings, settings: TuneSettings, tracking_uri: str | None) -> int:
    """Exit status: 0 where some trial has a value, 1 where none has, 130 interrupted. Raises UsageError."""
    results = results_folder(run_settings.results)
    target = settle(overrides, run_settings, settings)
    folder = results / "tune" / target.name
    out = Path(settings.out) if settings.out else folder / "best.toml"
    if out.suffix != ".toml":
        raise UsageError(f"--out {out}: name a .toml file: that is what `run --suite` takes")
    run_settings = replace(run_settings, results=str(folder))
    uri = track.resolve(tracking_uri, results)
    with owned(folder):
        trials = Trials(target, run_settings, folder, settings)
        try:
            trials.run()
        except KeyboardInterrupt:
            words = [word for word in sys.argv[1:] if word != "--fresh"]
            again = shlex.join(["python", "-m", "bench", *words])
            print(f"\ninterrupted: finished trials are kept; go on with:\n  {again}", file=sys.stderr)
            return INTERRUPTED
        return Report(trials, out).make(uri, results)
