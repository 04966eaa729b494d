"""The verbs `ui` and `track` of the command line."""

from typing import Annotated

import typer

from bench.cli.flags import LogModels, Results, TrackingUri
from bench.runtime.errors import UsageError


def ui(
    results: Results = None,
    tracking_uri: TrackingUri = None,
    port: Annotated[int, typer.Option(help="Port of MLflow's pages.", min=1, max=65535)] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open MLflow's pages on the store of a results folder."""
    from bench.runtime.paths import results_folder
    from bench.tracking import tracker as track

    folder = results_folder(results)
    uri = track.resolve(tracking_uri, folder)
    if uri is None:
        raise UsageError("--tracking-uri none: there is no store to show")
    raise typer.Exit(track.ui(folder, uri, port, host))


def track(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write every record that the store has not.")] = False,
    results: Results = None,
    tracking_uri: TrackingUri = None,
    log_models: LogModels = False,
) -> None:
    """Write records to MLflow: after a run without it, on another machine, or after a server was down."""
    from bench.cli.runs import rebuild_store

    if not rebuild:
        raise UsageError("track: say --rebuild to write every record that the store has not")
    typer.echo(rebuild_store(results, tracking_uri, log_models))
