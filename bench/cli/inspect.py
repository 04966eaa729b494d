"""The verbs `list`, `show`, `data prepare` and `doctor` of the command line."""

from typing import Annotated, Literal

import typer

from bench.cli.flags import DataRoot, Plugin, Results


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


def prepare(
    dataset: Annotated[str, typer.Argument(help="A data set's name, folder:PATH or npz:PATH.")],
    data_root: DataRoot = None,
) -> None:
    """Download or check a data set, and print its digest, shape, source and licence."""
    from bench.cli.describe import prepared

    typer.echo(prepared(dataset, data_root))


def doctor(results: Results = None, data_root: DataRoot = None) -> None:
    """Is this machine ready? Versions, devices, folders, data sets, Inception's weights."""
    from bench.cli.doctor import examine

    raise typer.Exit(examine(results, data_root))
