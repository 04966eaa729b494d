"""The verbs `data prepare` and `doctor` of the command line."""

from typing import Annotated

import typer

from bench.cli.flags import DataRoot, Results


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
