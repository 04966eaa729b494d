"""The folders of cells, RESULTS/cells/<cell-id>/: records written, read and found, and the curves beside them."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from bench.records.record import SCHEMA, Record
from bench.records.storage import write_text


class BrokenRecord(ValueError):
    """A record.json that is not a whole record of this schema; the message names the file and what is wrong."""


class CurvePoint(NamedTuple):
    """One line of a curves.csv: the mean of a term over an epoch."""

    epoch: int
    phase: str
    split: str
    term: str
    value: float


def cells_folder(results: Path) -> Path:
    return results / "cells"


def write(record: Record, results: Path) -> Path:
    """Write a record under its cell id; gives the cell's folder."""
    folder = cells_folder(results) / record.cell
    write_text(folder / "record.json", json.dumps(asdict(record), indent=1, allow_nan=False) + "\n")
    return folder


def read(folder: Path) -> Record:
    """The record of a cell's folder. Raises FileNotFoundError where there is none, BrokenRecord where it can't be read."""
    path = folder / "record.json"
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        content = json.loads(text)
        if content.get("schema") != SCHEMA:
            raise ValueError(f"schema is {content.get('schema')!r}, expected {SCHEMA}")
        return Record(**content)
    except (ValueError, TypeError, AttributeError) as problem:
        raise BrokenRecord(f"{path}: not a record ({problem})") from problem


def find(results: Path) -> Iterator[Record | BrokenRecord]:
    """Every record under a results folder, by cell id; a broken one is yielded as its BrokenRecord, not raised."""
    folder = cells_folder(results)
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*/record.json")):
        try:
            yield read(path.parent)
        except BrokenRecord as broken:
            yield broken


def set_aside(folder: Path) -> Path:
    """Move a broken record.json out of the way, keeping it; gives its new path."""
    path = folder / "record.json"
    for number in range(1, 1000):
        target = folder / f"record.broken-{number}.json"
        if not target.exists():
            path.rename(target)
            return target
    raise OSError(f"{folder}: over a thousand broken records set aside; remove them")


def curves(path: Path) -> Iterator[CurvePoint]:
    """The lines of a curves.csv, `epoch,phase,split,term,value`; a torn line of a killed worker is passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            try:
                yield CurvePoint(
                    int(row["epoch"]), str(row["phase"]), str(row["split"]), str(row["term"]), float(row["value"])
                )
            except (KeyError, TypeError, ValueError):
                continue
