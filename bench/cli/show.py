"""The verbs `list` and `show` of the command line."""

from typing import Annotated, Literal

import typer

from bench.cli.flags import Plugin, Results


def list_(
    what: Annotated[Literal["suites", "methods", "datasets", "metrics"], typer.Argument(help="What to list.")],
    plugin: Plugin = None,
) -> None:
    """List suites, methods, data sets or metrics."""
    from bench.cli.describe import listing

    typer.echo(listing(what, plugin or []))


def show(
    name: Annotated[
        str, typer.Argument(help="A method, a suite, or a cell's id or the start of one.", metavar="CELL|METHOD|SUITE")
    ],
    results: Results = None,
    plugin: Plugin = None,
) -> None:
    """Show a method with its options, a suite, or a cell's record."""
    from bench.cli.describe import describe

    typer.echo(describe(name, results, plugin or []))
