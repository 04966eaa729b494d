"""The verb `clean`: what a results folder holds that nothing refers to any more, by size, and its removal."""

import json
import shutil
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from bench.cli.flags import Results
from bench.records.record import Record


class Leftover(NamedTuple):
    """A folder that can go, and why."""

    folder: Path
    why: str

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def clean(
    results: Results = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them, not only list them.")] = False,
) -> None:
    """List cells of older code and models that no cell refers to; with --yes remove them."""
    from bench.runner.run import owned
    from bench.runtime.errors import UsageError
    from bench.runtime.paths import results_folder

    folder = results_folder(results)
    if not folder.is_dir():
        raise UsageError(f"results folder {folder}: there is none: give one with --results")
    with owned(folder):
        found = leftovers(folder)
        for one in found:
            typer.echo(f"{one.size / 1e6:10,.1f} MB  {one.folder.relative_to(folder)}  {one.why}")
            if yes:
                shutil.rmtree(one.folder)
    total = f"{sum(one.size for one in found) / 1e6:,.1f} MB" if not yes else "all of them"
    said = f"removed: {total}" if yes else f"{total} in {len(found)} folders; remove them with --yes"
    typer.echo(said if found else "nothing to remove")


def leftovers(results: Path) -> list[Leftover]:
    """Cells of which a newer one has the same settings, and models and beginnings of trainings that no other cell and no plan names.

    Phases that rows share stay while a model that is used has one, or a planned cell is still to be trained.
    """
    from bench.records.cells import BrokenRecord, cells_folder, find
    from bench.records.models import SHARED, entries, models_folder
    from bench.records.plan import Plan

    plans = [Plan.read(path) for path in sorted((results / "plans").glob("*.json"))]
    by_id = {one.cell: one for one in find(results) if not isinstance(one, BrokenRecord)}
    records = list(by_id.values())
    planned = {cell["cell"] for plan in plans for cell in plan.cells}
    newest: dict[str, Record] = {}
    for one in sorted(records, key=lambda one: (one.cell in planned, one.environment.get("started", 0.0))):
        newest[_settings(one)] = one
    after = {one.cell: newest[_settings(one)] for one in records if one.cell not in planned}
    # The same code means another evaluation: no reason to go.
    stale = {cell for cell, newer in after.items() if newer.cell != cell and newer.sources != by_id[cell].sources}
    cells = [Leftover(cells_folder(results) / cell, f"older code than of {after[cell].cell}") for cell in sorted(stale)]
    used = {one.model for one in records if one.cell not in stale}
    used |= {cell["model"] for plan in plans for cell in plan.cells}
    known = entries(results)
    used |= {one for name in used & known.keys() for one in known[name].shared}
    whole = all(cell["model"] in known for plan in plans for cell in plan.cells)
    models = [
        Leftover(path, "no cell refers to it")
        for path in sorted(models_folder(results).glob("*"))
        if path.is_dir() and path.name.lstrip(".") not in used and (whole or SHARED not in path.name)
    ]
    before = [Leftover(results / "shared", "phases that rows shared, of before models were kept")]
    return [*cells, *models, *(one for one in before if one.folder.is_dir())]


def _settings(record: Record) -> str:
    """All of a record that a newer one of other code has to have as well, to stand for it."""
    names = ("suite", "label", "dataset", "data_digest", "seed", "options", "budget", "likelihood")
    machine = [record.environment.get(name) for name in ("device_type", "threads")]
    return json.dumps(
        [[getattr(record, name) for name in names], machine, record.protocol.get("counts")], sort_keys=True
    )
