"""The verb `tune` of the command line."""

from typing import Annotated

import typer

from bench.cli.flags import DataRoot, Device, Plugin, Results, SuiteOption, TrackingUri
from methods.choices import Sampler


def tune(
    method: Annotated[str, typer.Option(help="A row of the suite, or a method by name.", metavar="ROW|METHOD")],
    trials: Annotated[int, typer.Option(help="Trials in all, those of an earlier call included.", min=1)],
    suite: SuiteOption = "digits",
    options: Annotated[
        str | None, typer.Option(help="Only these options [all that `show METHOD` says are tuned].", metavar="A,B")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="One metric, or two for a Pareto front [the suite's first column with a direction].", metavar="A[,B]"
        ),
    ] = None,
    sampler: Annotated[Sampler, typer.Option(help="Optuna's sampler.")] = "tpe",
    seeds: Annotated[str | None, typer.Option(help="Seeds of a trial, which counts by their mean: 3 or 0,1,2.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of a trial instead of the suite's.", min=1)] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set instead of the suite's: a name, folder:PATH or npz:PATH.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of the row that is tuned, as in latent=8.", metavar="OPTION=VALUE"),
    ] = None,
    data_root: DataRoot = None,
    results: Results = None,
    device: Device = "auto",
    jobs: Annotated[
        int | None, typer.Option(help="Cells side by side [one a core on a CPU, one on a GPU].", min=1)
    ] = None,
    inception: Annotated[
        str, typer.Option(help="Inception weights for FID: auto, download, none or their path.")
    ] = "auto",
    plugin: Plugin = None,
    tracking_uri: TrackingUri = None,
    out: Annotated[
        str | None,
        typer.Option(help="The best settings as a suite [RESULTS/tune/SUITE-ROW/best.toml].", metavar="FILE.toml"),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the trials of earlier calls.")] = False,
) -> None:
    """Search a method's options by a metric on held-out training images. Give the same command again to go on after a crash."""
    from bench.runner.launchers import forkserver as server

    server.start()
    from bench.config.overrides import SuiteOverrides
    from bench.runner.plan import RunSettings
    from bench.tuning.target import TuneSettings
    from bench.tuning.tune import tune as search

    choice = SuiteOverrides(suite, seeds=seeds, epochs=epochs, dataset=dataset)
    request = RunSettings(data_root, results, device, jobs, inception, tuple(plugin or ()))
    asked = TuneSettings(method, trials, options, metric, tuple(set_ or ()), sampler, out, fresh)
    raise typer.Exit(search(choice, request, asked, tracking_uri))
