"""From a suite to a plan: every row, option, data set and metric checked before the first cell runs."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bench.config.budget import Budget
from bench.config.choices import OPTIMISERS
from bench.config.options import build, find, on_shared, resolve
from bench.config.plugins import register
from bench.config.rows import settle_rows
from bench.config.suite import Suite
from bench.datasets import load
from bench.datasets.base import Dataset
from bench.datasets.split import divide
from bench.records import sources
from bench.records.plan import Cell, KeepModels, Plan, ScoreOn, named
from bench.records.record import BERNOULLI
from bench.runtime.environment import choose_devices, cores
from bench.runtime.errors import UsageError
from bench.runtime.paths import data_root, results_folder
from bench.scoring.selection import choose, code_of_evidence, digests_of, wanted
from bench.training.trainer import Training
from methods import backbones
from methods.base import AbstractMethod, Entry, ImageSpec
from metrics.base import Unavailable
from metrics.features import file_hash, inception_extractor, inception_file

PICTURES = Path(__file__).parents[1] / "pictures" / "draw.py"
WORKER_BYTES = 2 * 2**30
"""Memory that a worker may need: side-by-side cells are limited by it."""
CELL_BYTES_ON_GPU = 4 * 2**30
"""Memory of a GPU that a cell may need: CUDA's own half GiB, the images, weights and Adam, a captured step, and scoring's matrices."""


@dataclass(frozen=True)
class RunSettings:
    """How a suite is to be run here: what the command line says beside the suite itself."""

    data: str | None = None
    results: str | None = None
    device: str = "auto"
    jobs: int | None = None
    inception: str = "auto"
    plugins: tuple[str, ...] = ()
    threads: int | None = None
    launcher: str = "local"
    keep_models: KeepModels = "all"
    log_models: bool = False


def make_plan(suite: Suite, request: RunSettings, score_on: ScoreOn = "test") -> Plan:
    """Raises UsageError or DataError, in one line, for whatever cannot be run."""
    plugins = register(suite, request.plugins)
    suite = settle_rows(suite)
    devices, root = choose_devices(request.device), data_root(request.data)
    device = devices[0]
    evaluation = suite.evaluation
    wants_inception = "inception" in wanted(evaluation.metrics, evaluation.mixing)
    plan = Plan(
        suite=suite.name,
        title=suite.title,
        columns=suite.columns,
        reference_rows=suite.reference_rows,
        comparison=suite.comparison.model_dump() if suite.comparison else {},
        evaluation=evaluation.model_dump(),
        held_out=suite.held_out,
        data_root=str(root.resolve()),
        results=str(results_folder(request.results).resolve()),
        devices=[str(one) for one in devices],
        # sums in another order give other last bits, so the number of threads does not follow from what else happens to run
        threads=request.threads or (1 if device.type == "cpu" else min(4, cores())),
        plugins=plugins,
        inception=settle_inception(request.inception, device, wants_inception),
        score_on=score_on,
        likelihood=suite.likelihood,
        scoring=scoring_of(evaluation.metrics, evaluation.mixing),
        keep_models=request.keep_models,
        log_models=request.log_models,
    )
    cells = [asdict(cell) for name in suite.dataset for cell in cells_of(suite, load(name, root), plan)]
    return replace(plan, cells=cells, side_by_side=request.jobs or default_jobs(plan.devices, len(cells), plan.threads))


def scoring_of(metrics: list[str], mixing: bool) -> dict[str, str]:
    """A score's name to the digest of the code that gives it; also of pictures and, where it is asked for, of mixing.csv."""
    mixtures = {"mixtures": sources.combined(code_of_evidence(["mixtures"]))} if mixing else {}
    return digests_of(choose(metrics)) | mixtures | {"pictures": sources.combined(sources.of_files(PICTURES))}


def cells_of(suite: Suite, dataset: Dataset, plan: Plan) -> Iterator[Cell]:
    _check(suite, dataset)
    spec = ImageSpec(*dataset.shape, dataset.n_classes)
    for label, row in suite.methods.items():
        given = dict(row)
        entry = find(str(given.pop("method", label)))
        options = resolve(label, entry, on_shared(label, entry, given, suite.backbone, suite.likelihood))
        settled, code = described(label, entry, spec, options, suite.budget)
        how = {name: value for name, value in plan.evaluation.items() if name != "metrics"}
        how |= {"suite": suite.name, "label": label, "inception": plan.inception.get("hash", "")}
        how |= {} if plan.likelihood == BERNOULLI else {"likelihood": plan.likelihood}
        for seed in suite.seed_list():
            cell = Cell(
                cell="",
                dataset=dataset.name,
                label=label,
                method=entry.name,
                seed=seed,
                options=options,
                budget=suite.budget.model_dump(),
                data_digest=dataset.digest,
                sources=code,
                training=sources.combined(code),
                settled=settled,
            )
            model = named(dataset.name, entry.name, seed, trained_by(plan, cell))
            yield replace(cell, model=model, cell=named(dataset.name, label, seed, how | {"model": model}))


def trained_by(plan: Plan, cell: Cell) -> dict[str, Any]:
    """All that can change a training, as the plan says it; nothing of how it is scored."""
    own = {name: getattr(cell, name) for name in ("method", "options", "data_digest", "seed", "budget", "settled")}
    split = {"held_out": plan.held_out, "score_on": plan.score_on}
    arithmetic = {"device": plan.device.split(":")[0], "threads": plan.threads, "torch": torch.__version__}
    return {**own, **split, **arithmetic, "code": cell.training}


def _check(suite: Suite, dataset: Dataset) -> None:
    """Raises UsageError where the suite asks for more than the data or the backbone have."""
    if suite.held_out >= len(dataset.x_train):
        raise UsageError(
            f"suite {suite.name}: held_out={suite.held_out} leaves nothing of the {len(dataset.x_train)} training images of {dataset.name}"
        )
    smallest = backbones.find(suite.backbone).smallest_batch
    if suite.budget.batch < smallest:
        raise UsageError(
            f"suite {suite.name}: backbone {suite.backbone} can't train on batches of {suite.budget.batch}: "
            f"set budget.batch to {smallest} or more"
        )


def described(
    label: str, entry: Entry, spec: ImageSpec, options: dict[str, Any], budget: Budget
) -> tuple[dict[str, Any], dict[str, str]]:
    """What a method settles on by itself when it is built, and file to digest of what its training hangs on.

    That is its own code and that of the methods and networks it is built on, the loop, the search, the split, and its optimiser.
    """
    backbones.handed_out.clear()
    with torch.device("meta"):  # shapes and option checks alone: no weights are drawn
        method = build(label, entry, spec, options)
    networks = [backbones.find(name) for name in sorted(backbones.handed_out)]
    parts = {type(one) for one in method.modules() if isinstance(one, AbstractMethod)}
    used = sources.of_entry(entry.plugin, entry.cls, *sorted(parts, key=str), *networks)
    return method.facts, dict(sorted((used | code_of_loop(budget.optimiser)).items()))


def code_of_loop(optimiser: str) -> dict[str, str]:
    """File to digest of what trains all methods alike, and of the optimiser."""
    return sources.of(Training, divide) | sources.of_definition(Budget.make_optimiser, OPTIMISERS[optimiser].make)


def default_jobs(devices: Sequence[str], cells: int, threads: int) -> int:
    """Cells side by side on each device, as far as cores, memory and cells reach, each on its threads; on a GPU its own memory too."""
    known = "SC_AVPHYS_PAGES" in os.sysconf_names
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else WORKER_BYTES * 4
    in_all = min(cores() // threads, free // WORKER_BYTES)
    gpus = [torch.device(one) for one in devices if one.startswith("cuda")]
    room = [torch.cuda.get_device_properties(gpu).total_memory // CELL_BYTES_ON_GPU for gpu in gpus]
    return max(1, min(in_all // len(devices), -(-cells // len(devices)), *room))


def settle_inception(asked: str, device: torch.device, wanted: bool) -> dict[str, str]:
    """Which Inception weights this run uses, or why none: {"path", "hash"} or {"reason"}.

    `auto`, on a GPU, uses the weights in torch hub's cache and downloads them where they are absent; on a CPU, where 10,000 images
    take about half an hour, it waits to be asked. `download`, a path, or `none` say what they mean. Raises UsageError for a path
    without file.
    """
    if asked == "none":
        return {"reason": "switched off with --inception none"}
    if asked not in ("auto", "download"):
        path = Path(asked).expanduser()
        if not path.is_file():
            raise UsageError(f"--inception {asked}: no such file: give the weights' path, or auto, download or none")
        if wanted:
            return {"path": str(path.resolve()), "hash": file_hash(path)}
    if not wanted:
        return {"reason": "not asked for by the suite"}
    if asked == "auto" and device.type == "cpu":
        return {
            "reason": "Inception on a CPU takes about half an hour for 10,000 images: ask with --inception download, or a path"
        }
    try:
        extractor = inception_extractor(None, download=True)
    except Unavailable as reason:
        return {"reason": str(reason)}
    except ValueError as problem:
        raise UsageError(f"{problem}: remove that file, or give another with --inception PATH") from problem
    return {"path": str(inception_file()), "hash": extractor.hash}
