"""The verbs of `python -m bench`, nothing else. Whatever is heavy is imported by the verb that needs it."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.cli_perf import perf
from bench.cli_tune import tune
from bench.figures import FIGURES
from bench.flags import DataRoot, Device, Likelihood, Plugin, Results, SuiteOption, TrackingUri
from bench.runtime.errors import UsageError, is_usage

app = typer.Typer(
    help="Train, time and score VAEs and other latent-space generators on shared data, and lay the results out as leaderboards.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="Data sets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")


@app.command()
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
    precision: Annotated[
        Literal["fp32", "bf16"] | None, typer.Option(help="fp32, or bf16 for the layers' products.")
    ] = None,
    backbone: Annotated[
        Literal["mlp", "mlp-softplus", "conv32"] | None,
        typer.Option(help="The rows' shared network instead of the suite's."),
    ] = None,
    likelihood: Likelihood = None,
    optimiser: Annotated[
        Literal["adam", "adadelta"] | None,
        typer.Option(help="Instead of the suite's; another one brings its own learning rate, 0.001 or 1."),
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
    launcher: Annotated[Literal["local"], typer.Option(help="What runs the cells.")] = "local",
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
        from bench.launch import server

        server.start()
    from bench.plan import RunSettings
    from bench.verbs import Choice, run_suite

    settings = tuple(set_ or ())
    choice = Choice(
        suite, methods, seeds, epochs, dataset, settings, precision, backbone, optimiser, likelihood, neutral_epochs
    )
    request = RunSettings(data_root, results, device, jobs, inception, tuple(plugin or ()), threads)
    raise typer.Exit(run_suite(choice, request, time_limit, tracking_uri, retry == "failed", force, dry_run))


@app.command(name="list")
def list_(
    what: Annotated[Literal["suites", "methods", "datasets", "metrics"], typer.Argument(help="What to list.")],
    plugin: Plugin = None,
) -> None:
    """List suites, methods, data sets or metrics."""
    from bench.show import listing

    typer.echo(listing(what, plugin or []))


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="A method, a suite, or a cell's id or the start of one.", metavar="CELL|METHOD|SUITE")
    ],
    results: Results = None,
    plugin: Plugin = None,
) -> None:
    """Show a method with its options, a suite, or a cell's record."""
    from bench.show import describe

    typer.echo(describe(name, results, plugin or []))


@app.command()
def leaderboard(
    suite: Annotated[str | None, typer.Option(help="Only this suite.")] = None,
    results: Results = None,
    format: Annotated[
        Literal["table", "markdown", "csv", "latex", "json"], typer.Option(help="How to print it.")
    ] = "table",
    against: Annotated[Literal["published"] | None, typer.Option(help="Set the papers' figures beside ours.")] = None,
    per_cell: Annotated[bool, typer.Option("--per-cell", help="One line a cell, with --format csv.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also records of other settings or older code.")] = False,
    columns: Annotated[str | None, typer.Option(help="Only these metrics, in this order.", metavar="A,B")] = None,
) -> None:
    """Print leaderboards from the records."""
    import shutil

    import leaderboards
    from bench.runtime.paths import results_folder

    width = shutil.get_terminal_size((160, 24)).columns
    color = sys.stdout.isatty() and format == "table"
    chosen = [name.strip() for name in columns.split(",") if name.strip()] if columns else []
    folder = results_folder(results)
    published = against == "published"
    shown = leaderboards.show(folder, suite, format, published, per_cell, everything, width, color, chosen)
    typer.echo(shown)


@app.command()
def figure(
    name: Annotated[
        str | None, typer.Argument(help=f"{', '.join(FIGURES)}; none lists them with a word on each.")
    ] = None,
    suite: Annotated[str | None, typer.Option(help="The suite whose records are drawn.", metavar="S")] = None,
    results: Results = None,
    out: Annotated[
        str | None, typer.Option(help="Both are written, and FILE.csv.", metavar="FILE.png|FILE.svg")
    ] = None,
    rows: Annotated[str | None, typer.Option(help="Only these rows [the figure's choice].", metavar="A,B")] = None,
    dataset: Annotated[str | None, typer.Option(help="Which data set, of a suite with several.")] = None,
) -> None:
    """Draw a figure of a paper from the records, and say which of the paper's claims about it hold here."""
    from bench.figures import draw, listing
    from bench.runtime.paths import results_folder

    if name is None:
        typer.echo(listing())
        return
    from leaderboards.published import read

    typer.echo(draw(name, suite, results_folder(results), out, rows, dataset, read()))


@app.command()
def ui(
    results: Results = None,
    tracking_uri: TrackingUri = None,
    port: Annotated[int, typer.Option(help="Port of MLflow's pages.", min=1, max=65535)] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open MLflow's pages on the store of a results folder."""
    from bench import track
    from bench.runtime.paths import results_folder

    folder = results_folder(results)
    uri = track.resolve(tracking_uri, folder)
    if uri is None:
        raise UsageError("--tracking-uri none: there is no store to show")
    raise typer.Exit(track.ui(folder, uri, port, host))


@app.command()
def track(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write every record that the store has not.")] = False,
    results: Results = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Write records to MLflow: after a run without it, on another machine, or after a server was down."""
    from bench.verbs import rebuild_store

    if not rebuild:
        raise UsageError("track: say --rebuild to write every record that the store has not")
    typer.echo(rebuild_store(results, tracking_uri))


app.command()(tune)


@data_app.command()
def prepare(
    dataset: Annotated[str, typer.Argument(help="A data set's name, folder:PATH or npz:PATH.")],
    data_root: DataRoot = None,
) -> None:
    """Download or check a data set, and print its digest, shape, source and licence."""
    from bench.show import prepared

    typer.echo(prepared(dataset, data_root))


app.command()(perf)


@app.command()
def doctor(results: Results = None, data_root: DataRoot = None) -> None:
    """Is this machine ready? Versions, devices, folders, data sets, Inception's weights."""
    from bench.doctor import examine

    raise typer.Exit(examine(results, data_root))


@app.command()
def cell(
    plan: Annotated[Path, typer.Argument(help="RESULTS/plans/<suite>.json")],
    identity: Annotated[str, typer.Argument(metavar="ID")],
) -> None:
    """Run one cell of a plan in this process: what every launcher runs."""
    from bench.verbs import run_one

    raise typer.Exit(run_one(plan, identity))


def main() -> None:
    """Run a verb. Whatever the user can mend is one line on stderr and exit status 2."""
    try:
        app(standalone_mode=True)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except (UsageError, OSError) as problem:
        if not is_usage(problem):
            raise
        typer.echo(f"bench: {problem}", err=True)
        sys.exit(2)
