"""The verbs of `python -m bench`, put together. Whatever is heavy is imported by the verb that needs it."""

import sys

import typer

from bench.cli.boards import figure, leaderboard
from bench.cli.clean import clean
from bench.cli.inspect import doctor, list_, prepare, show
from bench.cli.perf import perf
from bench.cli.run import cell, run, score
from bench.cli.store import track, ui
from bench.cli.tune import tune
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

data_app.command()(prepare)
for verb in (run, score, list_, show, leaderboard, figure, ui, track, clean, tune, perf, doctor, cell):
    app.command(verb.__name__.removesuffix("_"))(verb)


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
