"""The verbs `run` and `cell` of the command line."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.cli.flags import NAMES_OF_BACKBONES, DataRoot, Device, Likelihood, Plugin, Results, SuiteOption, TrackingUri
from bench.config.choices import OPTIMISERS, Precision

RATES = ", ".join(f"{name} {one.learning_rate:g}" for name, one in OPTIMISERS.items())


def run(
    suite: SuiteOption = "digits",
    methods: Annotated[
        str | None,
        typer.Option(
            help="Only these rows, with commas between; the label of a sweep stands for all of its rows.", metavar="A,B"
        ),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="A number of seeds, or the seeds: 3 or 0,1,2.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs instead of the suite's.", min=1)] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set instead of the suite's: a name, folder:PATH or npz:PATH.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="An option of a row, as in lambda-hot.lam=3; a list gives a row for each value, as in vae.latent=[2,5].",
            metavar="LABEL.OPTION=VALUE",
        ),
    ] = None,
    data_root: DataRoot = None,
    results: Results = None,
    device: Device = "auto",
    precision: Annotated[Precision | None, typer.Option(help="fp32, or bf16 for the layers' products.")] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="The rows' shared network instead of the suite's.", metavar=NAMES_OF_BACKBONES),
    ] = None,
    likelihood: Likelihood = None,
    optimiser: Annotated[
        str | None,
        typer.Option(
            help=f"Instead of the suite's; another one brings its own learning rate ({RATES}).",
            metavar="|".join(OPTIMISERS),
        ),
    ] = None,
    neutral_epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of the neutral classifier instead of the suite's or its network's own.", min=1),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Cells side by side [one a core on a CPU, one on a GPU].", min=1)
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="CPU threads of a cell [1 on a CPU]; another number may change last bits.", min=1),
    ] = None,
    launcher: Annotated[
        str, typer.Option(help="What runs the cells: local, or one that a plug-in or package adds.")
    ] = "local",
    time_limit: Annotated[float | None, typer.Option(help="Seconds that a cell may take.", min=0.001)] = None,
    inception: Annotated[
        str, typer.Option(help="Inception weights for FID: auto, download, none or their path.")
    ] = "auto",
    plugin: Plugin = None,
    tracking_uri: TrackingUri = None,
    retry: Annotated[Literal["failed"] | None, typer.Option(help="Run cells again whose status is not ok.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run every cell again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the cells and an estimate, run nothing.")] = False,
) -> None:
    """Run a suite: every row and seed that has no record yet, then its leaderboard. Run it again to go on after a crash."""
    if not dry_run:
        from bench.runner.launchers import forkserver as server

        server.start()
    from bench.cli.runs import run_suite
    from bench.config.overrides import SuiteOverrides
    from bench.runner.plan import RunSettings

    settings = tuple(set_ or ())
    choice = SuiteOverrides(
        suite, methods, seeds, epochs, dataset, settings, precision, backbone, optimiser, likelihood, neutral_epochs
    )
    request = RunSettings(data_root, results, device, jobs, inception, tuple(plugin or ()), threads, launcher)
    raise typer.Exit(run_suite(choice, request, time_limit, tracking_uri, retry == "failed", force, dry_run))


def cell(
    plan: Annotated[Path, typer.Argument(help="RESULTS/plans/<suite>.json")],
    identity: Annotated[str, typer.Argument(metavar="ID")],
) -> None:
    """Run one cell of a plan in this process: what every launcher runs."""
    from bench.cli.runs import run_one

    raise typer.Exit(run_one(plan, identity))
