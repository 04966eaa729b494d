"""Every format takes every status; what is written can be read again."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from made_up import plan, record, save

import leaderboards
from bench.records.record import STATUSES
from leaderboards import formats, render
from leaderboards.formats import Entry, Head, Sheet
from leaderboards.table import collect


def shown(results: Path, format: str, **changes: object) -> str:
    arguments = {"against_published": False, "per_cell": False, "everything": False, "width": 100, "color": False}
    return leaderboards.show(results, None, format, **{**arguments, **changes})


@pytest.mark.parametrize("against_published", [False, True], ids=["board", "published"])
@pytest.mark.parametrize("format", formats.FORMATS)
@pytest.mark.parametrize("status", STATUSES)
def test_every_format_for_every_status(tmp_path: Path, status: str, format: str, against_published: bool) -> None:
    comparison = {"source": "wang-lambda-hot", "same": True, "why": ""}
    save(tmp_path, [record("vae", seed, comparison=comparison) for seed in range(2)])
    save(tmp_path, [record("cvae", 0, status, comparison=comparison)])
    text = shown(tmp_path, format, against_published=against_published)
    assert "cvae" in text
    assert status in text or (against_published and status == "ok")
    assert "nan" not in text.lower()


def test_csv_holds_the_figures_unrounded(tmp_path: Path) -> None:
    save(tmp_path, [record(seed=seed) for seed in range(3)] + [record("cvae", status="oom")])
    frame = pd.read_csv(io.StringIO(shown(tmp_path, "csv"))).set_index("row")
    assert tuple(frame.loc["vae", ["mean", "sd", "n"]]) == (81.0, 1.0, 3)
    assert pd.isna(frame.loc["cvae", "mean"])
    assert frame.loc["cvae", "status"] == "oom"


def test_json_parses_and_agrees_with_csv(tmp_path: Path) -> None:
    save(tmp_path, [record(seed=seed) for seed in range(3)])
    (board,) = json.loads(shown(tmp_path, "json"))
    assert board["rows"][0]["figures"]["reconstruction_bce"]["mean"] == 81.0


def test_markdown_parses(tmp_path: Path) -> None:
    save(tmp_path, [record("a|b", options={"x": "p|q"}), record("a|b", cell="2", options={"x": 2}), record("worse", 9)])
    lines = [line for line in shown(tmp_path, "markdown").splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, "every line has the same number of cells"
    assert len(lines) == 2 + 3
    assert any("**80.00**" in line for line in lines)


def test_latex_escapes(tmp_path: Path) -> None:
    wild = record("50%_of & $x^2$ #1 {a} ~ \\ λ [b]", status="error")
    latex = shown(save(tmp_path, [wild, record()]), "latex")
    assert (
        r"50\%\_of \& \$x\textasciicircum{}2\$ \#1 \{a\} \textasciitilde{} \textbackslash{} $\lambda$ {[}b{]}" in latex
    )
    assert latex.isascii()
    body = latex[latex.index(r"\midrule") : latex.index(r"\bottomrule")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body.splitlines() if line.endswith(r"\\")} == {4}
    assert latex.count(r"\begin{") == latex.count(r"\end{")


def test_reference_rows_stand_apart(tmp_path: Path) -> None:
    records = [record("vae"), record("floor")]
    plan(tmp_path, records, reference_rows=["floor"])
    save(tmp_path, records)
    assert "*floor*" in shown(tmp_path, "markdown")
    assert shown(tmp_path, "latex").count(r"\midrule") == 2


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_wide_table_is_split_and_loses_nothing(width: int) -> None:
    head = [Head("method", right=False), *(Head(f"metric_{number}", "↓") for number in range(9))]
    one = Sheet("title", head, [[Entry("vae"), *(Entry(f"{number}.00", best=number == 3) for number in range(9))]])
    text = formats.terminal(one, width, color=False)
    assert all(f"{number}.00" in text for number in range(9))
    assert max(map(len, text.splitlines())) <= max(width, len("method  metric_0"))
    assert text.count("vae") == text.count("method")
    assert "*3.00" in text
    assert "\x1b[1m3.00\x1b[0m" in formats.terminal(one, width, color=True)


def test_per_cell_csv_round_trip(tmp_path: Path) -> None:
    records = [record(seed=seed, metrics={"fid": 1 / (seed + 3)}, timings={"side_by_side": 1}) for seed in range(3)]
    save(tmp_path, [*records, record("cvae", status="timeout")])
    plan(tmp_path, [*records, record("cvae"), record("new")])
    frame = pd.read_csv(io.StringIO(shown(tmp_path, "csv", per_cell=True))).set_index("cell")
    assert dict(frame["status"]) == {
        "vae-0": "ok",
        "vae-1": "ok",
        "vae-2": "ok",
        "cvae-0": "timeout",
        "new-0": "missing",
    }
    for one in records:
        line = frame.loc[one.cell]
        assert line["fid"] == one.metrics["fid"]
        assert (line["seed"], line["timing_side_by_side"]) == (one.seed, 1)
        assert (line["version_torch"], line["device"]) == ("2.9.0", "a CPU")
    assert list(frame.columns)[-1] == "device"


def test_a_line_of_a_cell_says_a_likelihood_that_is_not_the_papers(tmp_path: Path) -> None:
    records = [record("vae"), record("pca", likelihood="discretised-logistic")]
    frame = pd.read_csv(io.StringIO(render.cells_csv(records)), keep_default_na=False).set_index("label")
    assert frame["likelihood"].to_dict() == {"vae": "", "pca": "discretised-logistic"}
    assert "likelihood" not in render.cells_csv(records[:1])


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    save(tmp_path, [record()])
    with pytest.raises(ValueError, match="choose one of table, markdown"):
        shown(tmp_path, "yaml")
    with pytest.raises(ValueError, match="csv only"):
        shown(tmp_path, "json", per_cell=True)
    with pytest.raises(ValueError, match="one of them"):
        shown(tmp_path, "csv", per_cell=True, against_published=True)


def test_metric_definitions_without_direction_have_no_arrow(tmp_path: Path) -> None:
    (board,) = collect(save(tmp_path, [record(metrics={"undeclared": 1.0})]))
    assert (board.columns[0].hint, board.rows[0].best) == ("", set())


def test_import_is_light() -> None:
    code = "import sys, leaderboards.render; print([m for m in ('torch', 'mlflow', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_caveats_are_in_both_csvs(tmp_path: Path) -> None:
    marked = record("vae", facts={"caveats": ["a floor is missed"]})
    save(tmp_path, [marked, record("other")])
    table = pd.read_csv(io.StringIO(shown(tmp_path, "csv")), keep_default_na=False).set_index("row")
    assert table["caveats"].to_dict() == {"vae": "a floor is missed (seed 0)", "other": ""}
    cells = pd.read_csv(io.StringIO(render.cells_csv([marked, record("other")])), keep_default_na=False)
    assert cells.set_index("label")["caveats"].to_dict() == {"vae": "a floor is missed", "other": ""}
