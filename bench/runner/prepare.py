"""Before cells of a plan run: what a process sets up, what the cells share, and what is known of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

import methods
import metrics
from bench.config.options import find
from bench.config.plugins import load_plugin
from bench.config.suite import Evaluation
from bench.datasets import load
from bench.datasets.base import Dataset
from bench.datasets.registry import load_upright
from bench.records.plan import Cell, Plan
from bench.records.record import Record
from bench.runtime.paths import cache_folder
from bench.runtime.seeds import deterministic
from bench.scoring import classifier as neutral
from bench.scoring.cache import Cache
from bench.scoring.evidence import Cost, Evidence
from bench.scoring.selection import wanted
from methods.base import AbstractMethod, Images, TrainingData
from metrics.base import Unavailable
from metrics.features import Extractor, inception_extractor


def set_up(plan: Plan) -> None:
    if plan.device.startswith("cuda"):
        torch.cuda.set_device(plan.device)  # streams and captured steps belong to the current device
    torch.set_num_threads(plan.threads)
    threadpool_limits(
        plan.threads
    )  # BLAS and OpenMP behind NumPy and scikit-learn: side-by-side cells keep to their cores
    deterministic()
    methods.load()
    metrics.load()
    for plugin in plan.plugins:
        load_plugin(plugin)


def prepare(plan_path: Path) -> None:
    """What the cells of a plan share, made once before them: the neutral classifier of each data set and of its upright one."""
    plan = Plan.read(plan_path)
    set_up(plan)
    evaluation = Evaluation(**plan.evaluation)
    needed = wanted(evaluation.metrics, evaluation.mixing)
    if not needed & {"neutral", "upright_neutral"}:
        return
    root, device = Path(plan.data_root), torch.device(plan.device)
    recipe = (evaluation.neutral, evaluation.neutral_epochs)
    for name in dict.fromkeys(cell["dataset"] for cell in plan.cells):
        dataset = load(name, root, download=False)
        if "neutral" in needed:
            neutral.get(dataset, device, *recipe)
        if "upright_neutral" in needed and dataset.upright:
            neutral.get(load_upright(dataset, root), device, *recipe)


def inception(plan: Plan) -> Extractor:
    """The extractor that the plan settled on. Raises Unavailable with the plan's reason where there is none."""
    if "reason" in plan.inception:
        raise Unavailable(plan.inception["reason"])
    return inception_extractor(Path(plan.inception["path"]))


def evidence_of(
    plan: Plan,
    cell: Cell,
    method: AbstractMethod,
    dataset: Dataset,
    data: TrainingData,
    test: Images,
    cost: Mapping[str, Any],
) -> Evidence:
    """A trained method's evidence, all that it hangs on handed over. dataset: without its images. cost: as a training's record has it."""
    evaluation = Evaluation(**plan.evaluation)
    originals = f"{dataset.digest[:16]}-{min(evaluation.samples, len(test))}"
    train = f"{dataset.digest[:16]}-train"
    if plan.held_out:
        train += f"-{plan.held_out}-s{cell.seed}"
    if plan.score_on != "test":  # features of other images than the test split's, by seed
        originals += f"-{plan.score_on}-{plan.held_out}-s{cell.seed}"
    root, device = Path(plan.data_root), torch.device(plan.device)
    recipe = (evaluation.neutral, evaluation.neutral_epochs)

    def own_neutral() -> neutral.Neutral:
        """Trained before the first cell as a rule; where it is gone, the images are read again."""
        there = neutral.cache_path(dataset, neutral.recipe(dataset, *recipe)).is_file()
        return neutral.get(dataset if there else load(dataset.name, root, download=False), device, *recipe)

    def upright_neutral() -> neutral.Neutral:
        return neutral.get(load_upright(dataset, root), device, *recipe)

    return Evidence(
        method,
        data,
        test,
        evaluation,
        cell.seed,
        Cost(**{**cost, "beside": set(cost["beside"])}),
        load_neutral=own_neutral,
        load_inception=lambda: inception(plan),
        originals_name=originals,
        train_name=train,
        cache=Cache(cache_folder() / "features"),
        load_upright=upright_neutral if dataset.upright else None,
    )


def blank_record(plan: Plan, cell: Cell) -> Record:
    """What is known of a cell before it has run."""
    labels = {}
    try:
        cls = find(cell.method).cls
        labels = {"train": cls.labels_in_training, "test": cls.labels_at_test}
    except ValueError:
        pass  # a plug-in's method in a process that has not loaded it: the failure record goes without the column
    return Record(
        cell=cell.cell,
        suite=plan.suite,
        label=cell.label,
        method=cell.method,
        dataset=cell.dataset,
        seed=cell.seed,
        options=cell.options,
        budget=cell.budget,
        status="ok",
        labels=labels,
        comparison=plan.comparison,
        data_digest=cell.data_digest,
        sources=cell.sources,
        likelihood=plan.likelihood,
        model=cell.model,
    )
