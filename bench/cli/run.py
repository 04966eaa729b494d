"""The verbs `run` and `cell` of the command line."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import flags


def run(
    suite: flags.SuiteOption = "digits",
    methods: flags.Methods = None,
    seeds: flags.Seeds = None,
    epochs: flags.Epochs = None,
    dataset: flags.DatasetOption = None,
    set_: flags.Settings = None,
    data_root: flags.DataRoot = None,
    results: flags.Results = None,
    device: flags.Devices = "auto",
    precision: flags.Precision = None,
    backbone: flags.Backbone = None,
    likelihood: flags.Likelihood = None,
    optimiser: flags.Optimiser = None,
    neutral_epochs: flags.NeutralEpochs = None,
    jobs: flags.Jobs = None,
    threads: flags.Threads = None,
    launcher: flags.Launcher = "local",
    time_limit: flags.TimeLimit = None,
    inception: flags.Inception = "auto",
    plugin: flags.Plugin = None,
    tracking_uri: flags.TrackingUri = None,
    keep_models: flags.KeepModels = "all",
    log_models: flags.LogModels = False,
    retry: flags.Retry = None,
    force: flags.Force = False,
    dry_run: flags.DryRun = False,
) -> None:
    """Run a suite: every row and seed that has no record yet, then its leaderboard. Run it again to go on after a crash."""
    if launcher == "local" and not dry_run:
        from bench.runner.launchers import forkserver as server

        server.start()
    from bench.cli.runs import run_suite
    from bench.config.overrides import SuiteOverrides
    from bench.runner.plan import RunSettings

    changes = tuple(set_ or ())
    overrides = SuiteOverrides(
        suite, methods, seeds, epochs, dataset, changes, precision, backbone, optimiser, likelihood, neutral_epochs
    )
    plugins = tuple(plugin or ())
    where = (data_root, results, device, jobs, inception)
    settings = RunSettings(*where, plugins, threads, launcher, keep_models, log_models)
    raise typer.Exit(run_suite(overrides, settings, time_limit, tracking_uri, retry == "failed", force, dry_run))


def score(
    suite: Annotated[str | None, typer.Option(help="Only this suite.")] = None,
    metrics: Annotated[
        str | None,
        typer.Option(help="These metrics or families in any case [what today's code has not scored].", metavar="A,B"),
    ] = None,
    results: flags.Results = None,
    device: Annotated[str | None, typer.Option(help="Instead of the one that was trained on; or several.")] = None,
    jobs: flags.Jobs = None,
    launcher: flags.Launcher = "local",
    tracking_uri: flags.TrackingUri = None,
) -> None:
    """Score again from kept models, without training: after a change in a metric, say."""
    if launcher == "local":
        from bench.runner.launchers import forkserver as server

        server.start()
    from bench.cli.runs import score_again

    names = [name.strip() for name in (metrics or "").split(",") if name.strip()]
    raise typer.Exit(score_again(results, suite, names, device, jobs, launcher, tracking_uri))


def cell(
    plan: Annotated[Path, typer.Argument(help="RESULTS/plans/<suite>.json")],
    identity: Annotated[str, typer.Argument(metavar="ID")],
    device: Annotated[str | None, typer.Option(help="One of the plan's devices [its first].")] = None,
) -> None:
    """Run one cell of a plan in this process: what every launcher runs."""
    from bench.cli.runs import run_one

    raise typer.Exit(run_one(plan, identity, device))
