"""The lines under a board: what its figures rest on, and why some of them are not there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.records.record import Record
from leaderboards.board import BERNOULLI, MARK, Column, Row

NETWORKS = {"resnet-56": "ResNet-56"}
"""Networks of the neutral classifier that a board names; the small CNN goes without saying."""


def notes_of(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    """Each line once: protocol, device, reasons for n/a and for dashes, errors."""
    records = [record for row in rows for record in row.records]
    measured = [record for record in records if record.status == "ok"]
    return [
        *_likelihood(records),
        *_protocol(measured),
        *_environment(measured),
        *_unavailable(rows),
        *_partial(rows, columns),
        *_mixed_timing(rows, columns),
        *_errors(rows),
        *_caveats(rows),
    ]


def _caveats(rows: Sequence[Row]) -> list[str]:
    """A line for each caveat that rows share to the letter."""
    named: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.caveats:
            named["; ".join(row.caveats)].append(row.name)
    return [f"{MARK} {', '.join(names)}: {line}" for line, names in named.items()]


def _likelihood(records: Iterable[Record]) -> list[str]:
    others = sorted({record.likelihood for record in records} - {BERNOULLI})
    return [f"likelihood: {name}, whose nats don't compare with those of {BERNOULLI} pixels" for name in others]


def _protocol(records: Iterable[Record]) -> list[str]:
    lines: dict[str, None] = {}
    for record in records:
        protocol = record.protocol
        for prefix, title in (("", "neutral classifier"), ("upright_", "neutral classifier of upright images")):
            accuracy = protocol.get(f"{prefix}neutral_test_accuracy")
            if accuracy is not None:
                digest = str(protocol.get(f"{prefix}neutral_hash", ""))
                weights = f" (weights {digest[:6]}…)" if digest else ""
                network = NETWORKS.get(str(protocol.get(f"{prefix}neutral_network", "")), "")
                trained = f"{network}, {protocol.get(f'{prefix}neutral_epochs')} epochs, " if network else ""
                lines[f"{title}: {trained}{100 * accuracy:.1f} % test accuracy{weights}"] = None
        svm = protocol.get("svm")
        if isinstance(svm, dict):
            few = f"{svm['images']:,} of {svm['of']:,} training images, each class by its share (evaluation.svm_images)"
            lines[f"linear classifiers (svm): fit on {few}"] = None
        counts = protocol.get("counts")
        if isinstance(counts, dict) and counts:
            lines["counts: " + ", ".join(f"{name} {count}" for name, count in counts.items())] = None
    return sorted(lines, key=lambda line: line.startswith("counts"))


def _environment(records: Sequence[Record]) -> list[str]:
    devices = sorted({str(record.environment["device"]) for record in records if record.environment.get("device")})
    lines = [f"device: {devices[0]}"] if len(devices) == 1 else []
    if len(devices) > 1:
        lines.append(f"measured on {len(devices)} devices, whose timings don't compare: {'; '.join(devices)}")
    versions: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, version in (record.environment.get("versions") or {}).items():
            versions[name].add(str(version))
    several = [f"{name} {' and '.join(sorted(found))}" for name, found in versions.items() if len(found) > 1]
    return lines + ([f"measured with several versions of: {', '.join(several)}"] if several else [])


def _unavailable(rows: Sequence[Row]) -> list[str]:
    """`fid, kid: n/a: why (rows)`; rows are named where it is not the same for all of them."""
    affected: dict[tuple[str, str], list[str]] = defaultdict(list)
    whole = [row for row in rows if row.whole]
    for row in whole:
        reasons = {(name, why): None for record in row.records for name, why in record.unavailable.items()}
        for reason in reasons:
            affected[reason].append(row.name)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (name, why), names in affected.items():
        together[(why, tuple(names))].append(name)
    return [
        f"{', '.join(metrics)}: n/a: {why}" + (f" ({', '.join(names)})" if len(names) < len(whole) else "")
        for (why, names), metrics in together.items()
    ]


def _partial(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    lines = []
    for row in rows:
        for name in dict.fromkeys(column.metric for column in columns):
            have = sum(name in record.metrics for record in row.records)
            if row.whole and 0 < have < len(row.records):
                lines.append(f"{row.name}: {name} has a value for {have} of {len(row.records)} seeds: no average")
    return lines


def _mixed_timing(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    if not any(column.side_by_side is not None for column in columns):
        return []
    return [
        f"{row.name}: seeds timed with {' and '.join(map(str, sorted(row.sharing)))} cells side by side: no mean"
        for row in rows
        if row.whole and len(row.sharing) > 1
    ]


def _errors(rows: Sequence[Row]) -> list[str]:
    """A line for each row and reason, with the seeds that it struck."""
    lines = []
    for row in rows:
        struck: dict[tuple[str, str], list[int]] = defaultdict(list)
        for record in row.records:
            if record.status not in ("ok", "missing"):
                struck[(record.status, first_line(record))].append(record.seed)
        for (status, why), seeds in struck.items():
            which = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
            lines.append(f"{row.name}, {which}: {status}" + (f": {why}" if why else ""))
    return lines


def first_line(record: Record) -> str:
    """The first line of what went wrong; of a bare traceback the last one, where Python puts the message."""
    error = record.error or {}
    said = next((str(error[key]) for key in ("message", "reason", "error") if error.get(key)), "")
    if said:
        return said.strip().splitlines()[0] if said.strip() else ""
    traceback = str(error.get("traceback", "")).strip().splitlines()
    return traceback[-1] if traceback else str(error.get("type", ""))
