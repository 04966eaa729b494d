"""Suites: TOML in, validated rows, data sets, seeds, budget and metrics out."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench.config.budget import Budget
from bench.runtime.errors import UsageError, nearest
from methods.choices import Likelihood

SUITES = Path(__file__).parents[1] / "suites"


def check_seeds(seeds: list[int]) -> None:
    """Raise ValueError unless there is a seed, none is negative and none stands twice."""
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError("give at least one seed, none negative, none twice")


class Evaluation(BaseModel):
    """How much evidence is computed.

    metrics: families or single metrics; all where empty. samples: unconditional ones, and real images beside them.
    importance_samples: of z an image, for the likelihood of so many test images (importance_images). neutral: the network of the neutral
    classifier, by itself resnet-56 for colour and small-cnn for grey; neutral_epochs: that it is trained, its own recipe's where none;
    neutral_floor: the test accuracy below which it is refused. novelty_images: generations, test images and reconstructions whose nearest
    training images are looked for, by SSIM among the novelty_candidates nearest by MSE. svm_images: training images, drawn by class, that
    linear classifiers are fit on; all where none. mixing: write mixing.csv, scores of mixtures of originals and their reconstructions.
    """

    model_config = ConfigDict(extra="forbid")
    metrics: list[str] = []
    samples: int = Field(default=10_000, ge=2)
    samples_per_class: int = Field(default=1_000, ge=2)
    importance_samples: int = Field(default=500, ge=1)
    importance_images: int = Field(default=1_000, ge=1)
    neutral: Literal["auto", "small-cnn", "resnet-56"] = "auto"
    neutral_epochs: int | None = Field(default=None, ge=1)
    novelty_images: int = Field(default=500, ge=1)
    novelty_candidates: int = Field(default=200, ge=1)
    svm_images: int | None = Field(default=None, ge=1)
    neutral_floor: float = Field(default=0.0, ge=0, le=1)
    mixing: bool = False


class Comparison(BaseModel):
    """How the suite stands to a paper's published scores (`source` of published.csv)."""

    model_config = ConfigDict(extra="forbid")
    source: str
    same: bool
    why: str


class Suite(BaseModel):
    """One TOML file of a suite. `methods` maps a row's label to {method = NAME, option = value, ...}; the label stands for the name.

    A list may stand for several values of an option: `bench.config.rows` writes such rows out. held_out: training images kept back from
    training. backbone: the network of every method that takes a shared one, of methods.backbones or a plug-in. likelihood: p(x|z) of every
    method that states one.
    """

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    title: str
    dataset: list[str] = Field(min_length=1)
    seeds: int | list[int] = 3
    held_out: int = Field(default=0, ge=0)
    backbone: str = "mlp"
    likelihood: Likelihood = "bernoulli"
    budget: Budget
    evaluation: Evaluation = Evaluation()
    methods: dict[str, dict[str, Any]] = Field(min_length=1)
    columns: list[str] = []
    reference_rows: list[str] = []
    comparison: Comparison | None = None
    plugins: list[str] = []

    @field_validator("dataset", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("seeds")
    @classmethod
    def _sound_seeds(cls, value: int | list[int]) -> int | list[int]:
        check_seeds(list(range(value)) if isinstance(value, int) else value)
        return value

    def seed_list(self) -> list[int]:
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds


def suite_names() -> list[str]:
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def load_suite(name: str) -> Suite:
    """A suite by name, or from a TOML file by path. Raises UsageError where it is unknown or does not fit."""
    path = Path(name) if name.endswith(".toml") else SUITES / f"{name}.toml"
    if not path.is_file():
        if name.endswith(".toml"):
            raise UsageError(f"suite file {name}: no such file")
        raise UsageError(nearest(name, suite_names(), "suite") + "; or give a FILE.toml")
    try:
        suite = Suite(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(f"suite {path}: not TOML ({problem})") from problem
    except ValidationError as problem:
        raise UsageError(f"suite {path}: {explain(problem, Suite.model_fields)}") from problem
    missing = [plugin for plugin in suite.plugins if not (path.parent / plugin).is_file()]
    if missing:
        raise UsageError(f"suite {path}: plugins: no file {path.parent / missing[0]}")
    return suite.model_copy(update={"plugins": [str((path.parent / plugin).resolve()) for plugin in suite.plugins]})


def explain(problem: ValidationError, known: Iterable[str]) -> str:
    """A pydantic error as one line: the field, what is wrong, what was got, and for an unknown field the nearest name."""
    first = problem.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {"budget": Budget, "evaluation": Evaluation, "comparison": Comparison}
        inside = tables.get(str(first["loc"][0])) if len(first["loc"]) > 1 else None
        unknown = nearest(str(first["loc"][-1]), inside.model_fields if inside else known, "option")
        return f"{where}: {unknown}" if inside else unknown
    message = first["msg"].removeprefix("Value error, ")
    stated = first["type"] == "missing" or (isinstance(first["input"], str) and repr(first["input"]) in message)
    got = "" if stated else f", got {first['input']!r}"
    return f"{where}: {message[0].lower()}{message[1:]}{got}"


def parse_seeds(text: str) -> list[int]:
    """`3` is seeds 0, 1, 2; `0,2,5` is these."""
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UsageError(
            f"--seeds {text!r}: give a number of seeds, or seeds with commas between: 3 or 0,1,2"
        ) from None
    seeds = numbers if "," in text else list(range(numbers[0])) if numbers else []
    try:
        check_seeds(seeds)
    except ValueError as problem:
        raise UsageError(f"--seeds {text!r}: {problem}") from None
    return seeds
