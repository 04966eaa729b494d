"""Options of the command line, each declared once: several verbs take them, or a verb has many."""

from typing import Annotated, Literal

from typer import Option

from bench.config import choices as configured
from methods import choices
from methods.backbones import BACKBONES

RATES = ", ".join(f"{name} {one.learning_rate:g}" for name, one in configured.OPTIMISERS.items())
NAMES_OF_BACKBONES = "|".join(BACKBONES)

SuiteOption = Annotated[str, Option(help="A suite's name (see `list suites`) or a FILE.toml.")]
Results = Annotated[str | None, Option(help="Results folder [$BENCH_RESULTS, ./results].", metavar="DIR")]
DataRoot = Annotated[
    str | None,
    Option(help="Where data sets lie or are downloaded to [$BENCH_DATA_ROOT, the user's cache].", metavar="DIR"),
]
Device = Annotated[str, Option(help="auto, cpu, cuda or cuda:N.")]
Devices = Annotated[str, Option(help="auto, cpu, cuda, cuda:N, or several GPUs as in cuda:0,1.")]
TrackingUri = Annotated[
    str | None,
    Option(help="MLflow store [$MLFLOW_TRACKING_URI, sqlite:///RESULTS/mlflow.db]; none for none.", metavar="URI|none"),
]
Plugin = Annotated[
    list[str] | None,
    Option(help="A Python file that registers methods, metrics, data sets, backbones or launchers.", metavar="FILE.py"),
]

# What changes a suite.
Methods = Annotated[
    str | None,
    Option(
        help="Only these rows, with commas between; the label of a sweep stands for all of its rows.", metavar="A,B"
    ),
]
Seeds = Annotated[str | None, Option(help="A number of seeds, or the seeds: 3 or 0,1,2.")]
Epochs = Annotated[int | None, Option(help="Epochs instead of the suite's.", min=1)]
DatasetOption = Annotated[
    str | None, Option(help="A data set instead of the suite's: a name, folder:PATH or npz:PATH.")
]
Settings = Annotated[
    list[str] | None,
    Option(
        "--set",
        help="An option of a row, as in lambda-hot.lam=3; a list gives a row for each value, as in vae.latent=[2,5].",
        metavar="LABEL.OPTION=VALUE",
    ),
]
Precision = Annotated[configured.Precision | None, Option(help="fp32, or bf16 for the layers' products.")]
Backbone = Annotated[
    str | None, Option(help="The rows' shared network instead of the suite's.", metavar=NAMES_OF_BACKBONES)
]
Likelihood = Annotated[
    choices.Likelihood | None,
    Option(help="The rows' p(x|z) instead of the suite's [bernoulli]: discretised-logistic for colour."),
]
Optimiser = Annotated[
    str | None,
    Option(
        help=f"Instead of the suite's; another one brings its own learning rate ({RATES}).",
        metavar="|".join(configured.OPTIMISERS),
    ),
]
NeutralEpochs = Annotated[
    int | None,
    Option(help="Epochs of the neutral classifier instead of the suite's or its network's own.", min=1),
]

# How cells are run.
Jobs = Annotated[
    int | None,
    Option(help="Cells side by side on each device [as many as cores, memory and a GPU's memory allow].", min=1),
]
Threads = Annotated[
    int | None, Option(help="CPU threads of a cell [1 on a CPU]; another number may change last bits.", min=1)
]
Launcher = Annotated[str, Option(help="What runs the cells: local, or one that a plug-in or package adds.")]
TimeLimit = Annotated[float | None, Option(help="Seconds that a cell may take.", min=0.001)]
Inception = Annotated[str, Option(help="Inception weights for FID: auto, download, none or their path.")]
Retry = Annotated[Literal["failed"] | None, Option(help="Run cells again whose status is not ok.")]
KeepModels = Annotated[
    Literal["all", "none"],
    Option(help="Whether trained weights stay in RESULTS/models, to be scored again and loaded."),
]
LogModels = Annotated[bool, Option("--log-models", help="Write the weights to MLflow too, not only where they lie.")]
Force = Annotated[bool, Option("--force", help="Run every cell again.")]
DryRun = Annotated[bool, Option("--dry-run", help="Print the cells and an estimate, run nothing.")]

# What is tuned.
TunedMethod = Annotated[str, Option(help="A row of the suite, or a method by name.", metavar="ROW|METHOD")]
Trials = Annotated[int, Option(help="Trials in all, those of an earlier call included.", min=1)]
TunedOptions = Annotated[
    str | None, Option(help="Only these options [all that `show METHOD` says are tuned].", metavar="A,B")
]
TunedMetric = Annotated[
    str | None,
    Option(help="One metric, or two for a Pareto front [the suite's first column with a direction].", metavar="A[,B]"),
]
Sampler = Annotated[choices.Sampler, Option(help="Optuna's sampler.")]
TrialSeeds = Annotated[str | None, Option(help="Seeds of a trial, which counts by their mean: 3 or 0,1,2.")]
TrialEpochs = Annotated[int | None, Option(help="Epochs of a trial instead of the suite's.", min=1)]
RowSettings = Annotated[
    list[str] | None,
    Option("--set", help="An option of the row that is tuned, as in latent=8.", metavar="OPTION=VALUE"),
]
Out = Annotated[
    str | None,
    Option(help="The best settings as a suite [RESULTS/tune/SUITE-ROW/best.toml].", metavar="FILE.toml"),
]
Fresh = Annotated[bool, Option("--fresh", help="Forget the trials of earlier calls.")]
