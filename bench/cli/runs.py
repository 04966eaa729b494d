"""What `run`, `cell` and `track --rebuild` do, once the command line is read."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import leaderboards
from bench.config.overrides import SuiteOverrides
from bench.records import models
from bench.records.cells import cells_folder
from bench.records.plan import Cell, Plan
from bench.records.record import Record
from bench.runner.cell import run_cell
from bench.runner.estimate import estimate, in_words, model_bytes
from bench.runner.launchers import check_devices
from bench.runner.launchers import find as find_launcher
from bench.runner.launchers.base import EXIT_NOT_OK
from bench.runner.plan import RunSettings, default_jobs, make_plan, scoring_of
from bench.runner.prepare import set_up
from bench.runner.progress import clock
from bench.runner.run import INTERRUPTED, Run, owned, split_done, to_train
from bench.runtime.environment import choose_devices
from bench.runtime.errors import UsageError, nearest
from bench.runtime.paths import results_folder
from bench.scoring.selection import choose
from bench.tracking import tracker as track


def run_suite(
    overrides: SuiteOverrides,
    settings: RunSettings,
    time_limit: float | None,
    tracking_uri: str | None,
    retry_failed: bool,
    force: bool,
    dry_run: bool,
) -> int:
    """Exit status: 0 every cell ok, 1 some cell is not, 130 interrupted."""
    suite = overrides.settle(settings.plugins)  # plug-ins are there from here on, launchers too
    make_launcher = find_launcher(settings.launcher)
    plan = make_plan(suite, settings)
    check_devices(plan, settings.launcher)
    results = Path(plan.results)
    if dry_run:
        print(dry(plan, retry_failed, force))
        return 0
    with owned(results):
        todo, done = split_done(plan, retry_failed, force)
        plan = plan.narrowed(len(todo))
        if force:
            forget(results, todo)
        print(f"{plan.suite}: {plan.title}\n{counts(plan, todo, done)}, in {results}", flush=True)
        launcher = make_launcher(results, plan.side_by_side, time_limit)
        try:
            records = Run(plan, todo, launcher, track.resolve(tracking_uri, results)).run(done)
        except KeyboardInterrupt:
            print(f"\ninterrupted: finished cells are kept; go on with:\n  {command(retry=False)}", file=sys.stderr)
            return INTERRUPTED
        if plan.keep_models == "none":
            models.forget_shared(results)
    return report(plan, records, results)


def score_again(
    results: str | None,
    suite: str | None,
    metrics: Sequence[str],
    device: str | None,
    jobs: int | None,
    launcher: str,
    tracking_uri: str | None,
) -> int:
    """Score the kept models of a suite's latest run, or of every suite's, with today's code: these metrics, or what is not scored yet.

    Nothing is trained. Exit status as of `run_suite`.
    """
    folder = results_folder(results)
    paths = sorted((folder / "plans").glob("*.json"))
    plans = {plan.suite: plan for plan in map(Plan.read, paths)}
    if not plans:
        raise UsageError(f"results folder {folder}: no suite was run in it: `run` trains and scores")
    if suite is not None and suite not in plans:
        raise UsageError("--suite: " + nearest(suite, plans, f"suite in {folder}"))
    status = 0
    with owned(folder):
        for name in plans if suite is None else [suite]:
            plan = to_score_again(replace(plans[name], results=str(folder.resolve())), metrics, device)
            todo = [Cell(**cell) for cell in plan.cells if models.is_kept(folder, cell["model"])]
            stale, done = split_done(plan, retry_failed=True, force=bool(metrics))
            todo = [cell for cell in todo if cell in stale]
            side = jobs or default_jobs(plan.devices, len(todo), plan.threads)
            plan = replace(plan, side_by_side=side).narrowed(len(todo))
            lost = len(stale) - len(todo)
            print(f"{plan.suite}: 0 to train, {len(todo)} to score, {len(done)} done before, in {folder}", flush=True)
            print(f"{lost} cells have no kept model: `run` trains them\n" * bool(lost), end="", flush=True)
            make = find_launcher(launcher)
            check_devices(plan, launcher)
            try:
                records = Run(
                    plan, todo, make(folder, plan.side_by_side, None), track.resolve(tracking_uri, folder)
                ).run(done)
            except KeyboardInterrupt:
                print(f"\ninterrupted: go on with:\n  {command(retry=False)}", file=sys.stderr)
                return INTERRUPTED
            status = max(status, report(plan, records, folder), int(lost > 0))
    return status


def to_score_again(plan: Plan, metrics: Sequence[str], device: str | None) -> Plan:
    """A plan of an earlier run, its scores those of today's code, and of these metrics alone where any are named."""
    set_up(plan)
    evaluation = plan.evaluation
    if metrics and evaluation["metrics"]:
        evaluation = {**evaluation, "metrics": [*evaluation["metrics"], *metrics]}
    return replace(
        plan,
        evaluation=evaluation,
        scoring=scoring_of(evaluation["metrics"], evaluation["mixing"]),
        only=[score for metric in choose(list(metrics)) for score in metric.scores] if metrics else [],
        train=False,
        devices=[str(one) for one in choose_devices(device)] if device is not None else plan.devices,
    )


def counts(plan: Plan, todo: list[Cell], done: list[Record], force: bool = False) -> str:
    training = {cell.model for cell in todo} if force else to_train(plan, todo)
    return f"{len(training)} to train, {len(todo)} to score, {len(done)} done before"


def forget(results: Path, todo: list[Cell]) -> None:
    """Take away what cells would go on from: their models, the phases that these share, searches and scores."""
    for cell in todo:
        models.forget_all(results, cell.model)
        (cells_folder(results) / cell.cell / "record.json").unlink(missing_ok=True)


def report(plan: Plan, records: list[Record], results: Path) -> int:
    """Print the leaderboard and what to do next."""
    width = shutil.get_terminal_size((160, 24)).columns
    print("\n" + leaderboards.show(results, plan.suite, "table", False, False, False, width, sys.stdout.isatty()))
    where = f"--suite {plan.suite} --results {results}"
    print(f"\nbeside the papers' scores:   python -m bench leaderboard {where} --against published")
    print(f"for a paper or a page:       python -m bench leaderboard {where} --format latex|markdown|csv|json")
    print(f"runs, curves and pictures:   python -m bench ui --results {results}")
    bad = [record for record in records if record.status != "ok"]
    if not bad:
        return 0
    print(
        f"\n{len(bad)} of {len(records)} cells are not ok; what they printed is in cells/<id>/log.txt. Try them again with:"
    )
    print(f"  {command(retry=True)}")
    return 1


def command(*, retry: bool) -> str:
    """This invocation as the user may type it again: as it was, or with `--retry failed` alone of what says what to run again."""
    words = iter(sys.argv[1:])
    kept = []
    for word in words:
        if retry and word == "--retry":
            next(words, None)
        elif not retry or (word != "--force" and not word.startswith("--retry=")):
            kept.append(word)
    return shlex.join(["python", "-m", "bench", *kept, *(["--retry", "failed"] if retry else [])])


def dry(plan: Plan, retry_failed: bool, force: bool) -> str:
    """The cells that would run and an estimate of the time."""
    todo, done = split_done(plan, retry_failed, force, set_broken_aside=False)
    plan = plan.narrowed(len(todo))
    found = estimate(plan, todo, force)
    lines = [f"{plan.suite}: {counts(plan, todo, done, force)}; {where(plan)}"]
    lines += [f"  {part.name:<48} {clock(part.seconds):>8}  before the cells, once" for part in found.prepared]
    lines += [
        f"  {one.cell:<48} {clock(one.seconds):>8}  {one.source}: {in_words(one.parts)}" for one in found.cells.values()
    ]
    lines.append(f"about {clock(found.wall_seconds(plan.places))} in all, as of cells that do not slow each other down")
    if plan.keep_models == "all":
        sizes = {cell.model: model_bytes(plan, cell) for cell in todo}
        lines.append(
            f"models to keep: {sum(sizes.values()) / 1e6:,.1f} MB in {models.models_folder(Path(plan.results))}, and beside them "
            "the phases that rows share, at most as much again"
        )
    return "\n".join(lines)


def where(plan: Plan) -> str:
    each = " each" if len(plan.devices) > 1 else ""
    return f"{plan.side_by_side} side by side on {', '.join(plan.devices)}{each}"


def rebuild_store(results: str | None, tracking_uri: str | None, log_models: bool) -> str:
    folder = results_folder(results)
    if not folder.is_dir():
        raise UsageError(f"results folder {folder}: there is none: give one with --results")
    uri = track.resolve(tracking_uri, folder)
    if uri is None:
        raise UsageError("--tracking-uri none: name a store to write to")
    with owned(folder):
        written = track.rebuild(folder, uri, log_models)
    return f"{written} records written to {uri}"


def run_one(plan: Path, identity: str, device: str | None) -> int:
    """Run one cell of a plan here, on this device or the plan's first. Exit status 0 where it is ok."""
    if not plan.is_file():
        raise UsageError(f"plan {plan}: no such file")
    try:
        Plan.read(plan).cell(identity)
    except KeyError:
        raise UsageError(f"plan {plan} has no cell {identity!r}") from None
    record = run_cell(plan, identity, device=device)
    print(f"{identity}: {record.status}")
    return 0 if record.status == "ok" else EXIT_NOT_OK
