"""The verbs `leaderboard` and `figure` of the command line."""

import sys
from typing import Annotated, Literal

import typer

from bench.cli.flags import Results
from leaderboards.figures import built_in


def leaderboard(
    suite: Annotated[str | None, typer.Option(help="Only this suite.")] = None,
    results: Results = None,
    format: Annotated[
        Literal["table", "markdown", "csv", "latex", "json"], typer.Option(help="How to print it.")
    ] = "table",
    against: Annotated[Literal["published"] | None, typer.Option(help="Set the papers' scores beside ours.")] = None,
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


def figure(
    name: Annotated[
        str | None, typer.Argument(help=f"{', '.join(built_in())}; none lists them with a word on each.")
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
    from bench.config.suite import load_suite
    from bench.runtime.paths import results_folder
    from leaderboards.figures import draw, listing

    if name is None:
        typer.echo(listing())
        return
    called = load_suite(suite).name if suite is not None and suite.endswith(".toml") else suite
    typer.echo(draw(name, called, results_folder(results), out, rows, dataset))
