"""What a training takes: its phases, searches and the code between them are gone through once, on fewer images, a few steps of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import cycle
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from bench.config.budget import Budget
from bench.runner.pricing.part import Part
from bench.runtime.now import now
from bench.runtime.seeds import seeded
from bench.training.loop import TESTED_IMAGES, WARM_UP_STEPS, begin_epoch, in_batches, mean_terms, tested
from bench.training.models import load_into, state_of
from bench.training.phases import attach, begin_anew, epochs_of
from bench.training.search import MORE_TO_CONFIRM, Place, SearchResult, run_search
from bench.training.step import GraphedStep, Step
from bench.training.store import SharedPhases
from methods.base import AbstractMethod, Images, Phase, TrainingData
from methods.parts import Found, Point, Search, Span

SECONDS, LEAST, MOST = 0.3, 4, 50
"""Steps of a phase are timed for so long, at least and at most so many."""
SMALL_BATCH, SMALL_STEPS = 16, 60
"""Steps that are not timed: trained by them a method does not refuse what comes between its phases."""
TRIED = 12
"""Trials of a search that measure nothing, for what Optuna takes: its sampler learns from the eleventh on."""


@dataclass
class Walked:
    """A method as it comes out, barely trained, and what its training takes; note: what could not be priced, and why."""

    method: AbstractMethod
    parts: list[Part] = field(default_factory=list)
    note: str = ""


@dataclass
class TrainingPrices:
    """Walks through trainings on a part of the data. known: seconds and state of the shared phases that were met, by id."""

    known: dict[str, tuple[float, dict[str, Tensor]]] = field(default_factory=dict)

    def of(
        self, make: Callable[[], AbstractMethod], data: TrainingData, test: Images, whole: Whole, shared: SharedPhases
    ) -> Walked:
        """Go through the stages; a second time, with more steps, where the barely trained method refuses to go on."""
        walked = Walk(make(), data, test, whole, shared, self.known).all(0)
        if walked.note:
            for name in [one.once for one in walked.parts]:
                self.known.pop(name, None)
            walked = Walk(make(), data, test, whole, shared, self.known).all(SMALL_STEPS)
        return walked


@dataclass(frozen=True)
class Whole:
    """What the parts of the data stand for: numbers of images, the budget, and the seed. fresh: no shared phase counts as kept."""

    train: int
    test: int
    budget: Budget
    seed: int
    fresh: bool = False


class Walk:
    """One way through a method's stages."""

    def __init__(
        self,
        method: AbstractMethod,
        data: TrainingData,
        test: Images,
        whole: Whole,
        shared: SharedPhases,
        known: dict[str, tuple[float, dict[str, Tensor]]],
    ) -> None:
        self.method, self.data, self.test, self.whole = method, data, test, whole
        self.shared, self.known = shared, known
        self.device = data.train.x.device
        self.ratio = whole.train / len(data.train)

    def all(self, more_steps: int) -> Walked:
        """more_steps: of a small batch in every phase, beside those that are timed."""
        walked = Walked(self.method)
        with seeded(self.whole.seed, "noise", self.device):
            attach(self.method, self.data)
            stages: Any = self.method.phases(self.data)
            answer, last = None, "the start"
            while True:
                began = now(self.device)
                try:
                    stage = next(stages) if answer is None else stages.send(answer)
                except StopIteration:
                    stage = None
                except Exception as problem:  # noqa: BLE001  a method that is barely trained may refuse anything
                    walked.note = f"what comes after {last} is not priced: {problem}"
                    return walked
                walked.parts.append(Part(f"after {last}", (now(self.device) - began) * self.ratio))
                if stage is None:
                    return walked
                answer, last = None, stage.name
                self.method.to(self.device)
                if isinstance(stage, Search):
                    part, answer = self._search(stage)
                else:
                    part = self._phase(stage, more_steps)
                walked.parts.append(part)

    def _phase(self, phase: Phase, more_steps: int) -> Part:
        if phase.shared is None:
            return Part(phase.name, self._seconds(phase, more_steps))
        begin_anew(phase.module, self.whole.seed)
        entry = self.shared.identified(self.method, phase, epochs_of(phase, self.whole.budget))
        if entry.model in self.known:
            load_into(phase.module, self.known[entry.model][1])
        elif not self.whole.fresh and self.shared.take(entry, phase) is not None:
            self.known[entry.model] = 0.0, state_of(phase.module)
        else:
            seconds = self._seconds(phase, more_steps)
            self.known[entry.model] = seconds, state_of(phase.module)
        return Part(phase.name, self.known[entry.model][0], once=entry.model)

    def _seconds(self, phase: Phase, more_steps: int) -> float:
        """Of all its epochs: the view once; what comes before an epoch, the steps, and the test images' means in each."""
        device, budget, method = self.device, self.whole.budget, self.method
        began, view = now(device), 0.0
        seen, test = self.data.train, tested(self.test)
        if phase.view is not None:
            method.eval()
            with torch.no_grad():
                seen = phase.view(seen)
                view = (now(device) - began) * self.ratio
                test = phase.view(test)
        began = now(device)
        begin_epoch(method, phase, self.data)
        before = (now(device) - began) * self.ratio
        step = (GraphedStep if device.type == "cuda" else Step)(method, phase, seen, budget)
        a_step = self._a_step(step, in_batches(torch.randperm(len(seen)).to(device), budget.batch))
        for index in torch.randint(len(seen), (more_steps, min(SMALL_BATCH, len(seen)))).to(device):
            step.eager(index)
        method.eval()
        began = now(device)
        with torch.no_grad():
            mean_terms(phase, test)
        every = (now(device) - began) * min(self.whole.test, TESTED_IMAGES) / len(test)
        steps = ceil(len(seen) * self.ratio / budget.batch)
        return view + epochs_of(phase, budget) * (before + steps * a_step + every)

    def _a_step(self, step: Step, batches: list[Tensor]) -> float:
        """Seconds of one, after those that warm up."""
        whole = [index for index in batches if len(index) == len(batches[0])]
        for _, index in zip(range(WARM_UP_STEPS), cycle(whole), strict=False):
            (step.warm_up if isinstance(step, GraphedStep) else step)(index)
        if isinstance(step, GraphedStep) and len(whole[0]) == step.budget.batch:
            step.capture()
        began, done, indices = now(self.device), 0, cycle(whole)
        while done < LEAST or (done < MOST and now(self.device) - began < SECONDS):
            step(next(indices))
            done += 1
        return (now(self.device) - began) / done

    def _search(self, search: Search) -> tuple[Part, Found]:
        """The trials that the search has, measured at a few points and fewer images, and what Optuna takes for one."""
        points = [_point(search, share) for share in (0.0, 0.5, 1.0)]
        few, more = (max(2, search.looks[1] // part) for part in (16, 4))
        self._measure(search, points[1], few)  # warms up
        least, most = self._measure(search, points[1], few)[0], self._measure(search, points[1], more)[0]
        slope = max(0.0, most - least) / max(1, more - few)
        aside = [self._measure(search, point, few)[0] for point in points]
        factor = sum(aside) / len(aside) / least

        def at(images: int) -> float:
            return factor * max(0.0, least + (images - few) * slope)

        scores = self._measure(search, points[0], few)[1]
        trials, pruned = search.trials or _size(search), search.trials is not None and search.sampler != "nsga2"
        measured = trials * at(search.looks[1])
        if pruned:  # a third goes on after a first look, and the first ten
            on = min(trials, 10) + max(0, trials - 10) / 3
            measured = trials * at(search.looks[0]) + on * at(search.looks[1])
        confirmed = min(trials, search.confirmed) + len(search.start) + 1
        seconds = measured + confirmed * at(MORE_TO_CONFIRM * search.looks[1])
        asked, found = self._asked(search, scores)
        return Part(f"search {search.name}", seconds + trials * asked), found

    def _measure(self, search: Search, point: Point, images: int) -> tuple[float, dict[str, float]]:
        began = now(self.device)
        with seeded(self.whole.seed, f"search/{search.name}/price", self.device):
            scores = search.measure(point, images)
        return now(self.device) - began, scores

    def _asked(self, search: Search, scores: dict[str, float]) -> tuple[float, Found]:
        """Seconds that a trial takes beside its measuring, and an answer."""
        space = {name: one if isinstance(one, Span) else one[:3] for name, one in search.space.items()}
        some = replace(
            search,
            space=space,
            measure=lambda point, images: dict(scores),
            trials=None if search.trials is None else min(TRIED, search.trials),
        )
        searched = SearchResult()
        with TemporaryDirectory() as folder:
            began = now(self.device)
            found = run_search(some, Place(Path(folder), self.whole.seed, self.device), searched)
            return (now(self.device) - began) / max(1, searched.trials), found


def _point(search: Search, share: float) -> Point:
    """So far from the low end of every span, or the first value, to the other end."""
    point: Point = {}
    for name, one in search.space.items():
        if isinstance(one, Span):
            value = one.low + share * (one.high - one.low)
            point[name] = round(value) if one.whole else value
        else:
            point[name] = one[round(share * (len(one) - 1))]
    return point


def _size(search: Search) -> int:
    size = 1
    for values in search.space.values():
        size *= len(values) if isinstance(values, tuple) else 1
    return size
