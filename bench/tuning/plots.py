"""The plots of a tuning, drawn by Optuna: its course, what its scores depend on, and the front of two metrics."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.charts.style import write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from optuna.trial import FrozenTrial

    from bench.training.optuna_study import Study


class Plots:
    """The plots of one study, written into a folder.

    better: metric to its direction, one or two. default: metric to the score of the row's own options, empty where they have none.
    """

    def __init__(
        self, study: Study, better: dict[str, str], default: dict[str, float], title: str, folder: Path
    ) -> None:
        self.study, self.better, self.default, self.title, self.folder = study, better, default, title, folder
        self.names = {metric: f"{metric} ({direction} is better)" for metric, direction in better.items()}

    def history(self) -> list[Path]:
        """A plot a metric: every trial's score by its number, the best so far, and the default's as a line."""
        from optuna.visualization.matplotlib import plot_optimization_history

        drawn = []
        for metric, name in self.names.items():
            study = self.study.of_scores({metric: self.better[metric]})
            with _optunas_style():
                axes = plot_optimization_history(study, target_name=name)
                if metric in self.default:
                    axes.axhline(self.default[metric], color="grey", linestyle="--", label="default")
                drawn.append(self._write(axes, "history.png" if len(self.names) == 1 else f"history-{metric}.png"))
        return drawn

    def importance(self) -> list[Path]:
        """Each option's share in how a score varies over the space (functional ANOVA, Hutter et al. 2014).

        Raises ValueError, with why, where the trials so far cannot tell.
        """
        from optuna.importance import FanovaImportanceEvaluator
        from optuna.visualization.matplotlib import plot_param_importances

        trials = self.study.complete()
        if len(trials) < 2:
            raise ValueError(f"{len(trials)} complete trials, it takes two")
        if any(len({trial.user_attrs[metric] for trial in trials}) == 1 for metric in self.better):
            raise ValueError("all trials have the same value")
        with _optunas_style():
            study = self.study.of_scores(self.better)
            study.set_metric_names(list(self.better))
            axes = plot_param_importances(study, FanovaImportanceEvaluator(seed=self.study.seed))
            axes.set_xlabel(f"share of the variance over the space, by functional ANOVA of {len(trials)} trials")
            return [self._write(axes, "importance.png")]

    def pareto(self, front: list[FrozenTrial]) -> list[Path]:
        """Two metrics against each other: the trials, and those that no other beats in both, by the number of their row."""
        from optuna.visualization.matplotlib import plot_pareto_front

        with _optunas_style():
            axes = plot_pareto_front(self.study.of_scores(self.better), target_names=list(self.names.values()))
            for number, trial in enumerate(front, 1):
                x, y = (trial.user_attrs[metric] for metric in self.better)
                axes.annotate(str(number), (x, y), (5, 5), textcoords="offset points")
            if self.default:
                x, y = (self.default[metric] for metric in self.better)
                axes.scatter([x], [y], s=90, facecolors="none", edgecolors="black", label="default")
            return [self._write(axes, "pareto.png")]

    def _write(self, axes: Axes, name: str) -> Path:
        from matplotlib import pyplot

        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.set_size_inches(9, 6)
        axes.set_title("", loc="left")
        axes.set_title(self.title)
        axes.legend(loc="best")
        figure.set_layout_engine("tight")
        write_png(figure, self.folder / name)
        pyplot.close(figure)
        return self.folder / name


@contextmanager
def _optunas_style() -> Iterator[None]:
    """Optuna sets a style and opens figures with pyplot, in no window here; its plots are named experimental."""
    import matplotlib
    from optuna.exceptions import ExperimentalWarning

    matplotlib.use("agg")
    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
