"""The README says what is there: its example is the file that the tests run, its table names every dependency, its commands exist."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import methods
from bench.config.options import declared
from methods.base import registry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_examples_are_the_files_that_the_tests_run() -> None:
    _, *shown = re.findall(r"```python\n(.*?)```", README, re.DOTALL)  # tests/bench/test_api.py runs the first
    for name, part in zip(("my_vae.py", "my_metric.py"), shown, strict=True):
        assert part.strip() in (ROOT / "examples" / name).read_text(encoding="utf-8")


def test_every_dependency_earns_a_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    table = README[README.index("## Dependencies") :]
    missing = [
        name for name in (re.split(r"[<>=\[]", wish)[0] for wish in wanted) if not re.search(rf"[|,: ]{name}\b", table)
    ]
    assert not missing


def test_every_verb_that_it_shows_is_one() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, check=True
    ).stdout
    verbs = set(re.findall(r"^  ([a-z]+) ", help_text, re.MULTILINE))
    assert {"run", "leaderboard", "list", "show", "ui", "track", "data", "perf", "doctor", "cell"} <= verbs
    assert set(re.findall(r"python -m bench ([a-z]+)", README)) <= verbs


def test_pictures_and_files_that_it_names_are_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r"`((?:examples|leaderboards)/[\w./-]+\.\w+)`", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_no_place_is_left_unfilled() -> None:
    assert not re.findall(r"@[A-Z_]+@", README)


def test_every_option_that_it_sets_is_one() -> None:
    methods.load()
    example = (ROOT / "examples" / "my_vae.py").read_text(encoding="utf-8")
    settings = re.findall(r"--set \"?([\w-]+)\.(\w+)=", README)
    settings = [(label.removesuffix("-5"), option) for label, option in settings]  # a row of the sweep that it shows
    assert {label for label, _ in settings} == {"cvae", "joint-vae", "my-vae", "regene", "vae"}
    for label, option in settings:
        known = f" {option}: " in example if label == "my-vae" else option in declared(registry[label].cls)
        assert known, f"{label}.{option}"
