"""The lines under a table: what its scores rest on, and why some of them are not there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bench.records.record import BERNOULLI
from leaderboards.facts import worded_caveats
from leaderboards.frame import groups

MARK = "†"
NETWORKS = {"resnet-56": "ResNet-56"}
"""Networks of the neutral classifier that a table names; the small CNN goes without saying."""
Rows: TypeAlias = Mapping[str, Sequence[Any]]
"""Row name to its cells, as the frame's lines."""


def notes_of(rows: Rows, metrics: Sequence[str], timed: bool) -> list[str]:
    """Each line once: likelihood, protocol, device, reasons for n/a and for dashes, errors, caveats.

    metrics: in the order of the table's columns. timed: whether one of them is a timing.
    """
    cells = [cell for own in rows.values() for cell in own]
    measured = [cell for cell in cells if cell.whole]
    whole = {name: own for name, own in rows.items() if all(cell.whole for cell in own)}
    others = sorted({cell.likelihood for cell in cells} - {BERNOULLI})
    caveats = groups([(name, "; ".join(caveats_of(own))) for name, own in rows.items()])
    return [
        *(f"likelihood: {one}, whose nats don't compare with those of {BERNOULLI} pixels" for one in others),
        *_protocol(measured),
        *_environment(measured),
        *_unavailable(whole),
        *_partial(whole, metrics),
        *(_mixed_timing(whole) if timed else []),
        *_errors(rows),
        *(f"{MARK} {', '.join(names)}: {line}" for line, names in caveats.items() if line),
    ]


def caveats_of(cells: Sequence[Any]) -> list[str]:
    """What is to be known before a row is read beside others, with the seeds that it is true of."""
    seeds = groups([(str(cell.seed), line) for cell in cells for line in cell_caveats(cell)])
    return [f"{line} ({_seeds(own)})" for line, own in seeds.items()]


def cell_caveats(cell: Any) -> list[str]:
    """Scores below their metric's floor, and what the record says itself."""
    floors = {name: one["floor"] for name, one in cell.definitions.items() if "floor" in one}
    below = {name: value for name, value in cell.metrics.items() if name in floors and value < floors[name]}
    return [
        *(f"{name} {value:.4f} is below {floors[name]:g}" for name, value in below.items()),
        *worded_caveats(cell.facts),
    ]


def _seeds(seeds: Sequence[str]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}"


def _protocol(cells: Sequence[Any]) -> list[str]:
    lines: dict[str, None] = {}
    for protocol in [cell.protocol for cell in cells]:
        for prefix, title in (("", "neutral classifier"), ("upright_", "neutral classifier of upright images")):
            accuracy = protocol.get(f"{prefix}neutral_test_accuracy")
            if accuracy is None:
                continue
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


def _environment(cells: Sequence[Any]) -> list[str]:
    devices = sorted({str(cell.environment["device"]) for cell in cells if cell.environment.get("device")})
    lines = [f"device: {devices[0]}"] if len(devices) == 1 else []
    if len(devices) > 1:
        lines.append(f"measured on {len(devices)} devices, whose timings don't compare: {'; '.join(devices)}")
    versions: dict[str, set[str]] = defaultdict(set)
    for cell in cells:
        for name, version in (cell.environment.get("versions") or {}).items():
            versions[name].add(str(version))
    several = [f"{name} {' and '.join(sorted(found))}" for name, found in versions.items() if len(found) > 1]
    return lines + ([f"measured with several versions of: {', '.join(several)}"] if several else [])


def _unavailable(whole: Rows) -> list[str]:
    """`fid, kid: n/a: why (rows)`; rows are named where it is not the same for all of them."""
    reasons = groups(
        [(name, reason) for name, own in whole.items() for cell in own for reason in cell.unavailable.items()]
    )
    together = groups([(metric, (why, tuple(names))) for (metric, why), names in reasons.items()])
    return [
        f"{', '.join(metrics)}: n/a: {why}" + (f" ({', '.join(names)})" if len(names) < len(whole) else "")
        for (why, names), metrics in together.items()
    ]


def _partial(whole: Rows, metrics: Sequence[str]) -> list[str]:
    counts = [
        (name, metric, sum(metric in cell.metrics for cell in own), len(own))
        for name, own in whole.items()
        for metric in metrics
    ]
    return [
        f"{name}: {metric} has a value for {have} of {count} seeds: no average"
        for name, metric, have, count in counts
        if 0 < have < count
    ]


def _mixed_timing(whole: Rows) -> list[str]:
    sharing = {name: sorted({cell.side_by_side for cell in own}) for name, own in whole.items()}
    return [
        f"{name}: seeds timed with {' and '.join(map(str, counts))} cells side by side: no mean"
        for name, counts in sharing.items()
        if len(counts) > 1
    ]


def _errors(rows: Rows) -> list[str]:
    """A line for each row and reason, with the seeds that it struck."""
    lines = []
    for name, own in rows.items():
        failed = [cell for cell in own if cell.status not in ("ok", "missing")]
        for (status, why), seeds in groups(
            [(str(cell.seed), (cell.status, _reason(cell.error))) for cell in failed]
        ).items():
            lines.append(f"{name}, {_seeds(seeds)}: {status}" + (f": {why}" if why else ""))
    return lines


def _reason(error: Mapping[str, str] | None) -> str:
    """The first line of what went wrong; of a bare traceback the last one, where Python puts the message."""
    error = error or {}
    message = next((str(error[key]) for key in ("message", "reason", "error") if error.get(key)), "").strip()
    if message:
        return message.splitlines()[0]
    traceback = str(error.get("traceback", "")).strip().splitlines()
    return traceback[-1] if traceback else str(error.get("type", ""))
