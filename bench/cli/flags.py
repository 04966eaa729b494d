"""Options that several verbs of the command line take."""

from typing import Annotated

import typer

from methods import choices
from methods.backbones import BACKBONES

SuiteOption = Annotated[str, typer.Option(help="A suite's name (see `list suites`) or a FILE.toml.")]
Results = Annotated[str | None, typer.Option(help="Results folder [$BENCH_RESULTS, ./results].", metavar="DIR")]
DataRoot = Annotated[
    str | None,
    typer.Option(help="Where data sets lie or are downloaded to [$BENCH_DATA_ROOT, the user's cache].", metavar="DIR"),
]
Likelihood = Annotated[
    choices.Likelihood | None,
    typer.Option(help="The rows' p(x|z) instead of the suite's [bernoulli]: discretised-logistic for colour."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        help="MLflow store [$MLFLOW_TRACKING_URI, sqlite:///RESULTS/mlflow.db]; none for none.", metavar="URI|none"
    ),
]
Plugin = Annotated[
    list[str] | None,
    typer.Option(
        help="A Python file that registers methods, metrics, data sets, backbones or launchers.", metavar="FILE.py"
    ),
]
NAMES_OF_BACKBONES = "|".join(BACKBONES)
