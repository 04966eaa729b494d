"""The smoke benchmark: the real command on the embedded data with every method, then checks on the leaderboard that it gave.

`python tests/smoke.py RESULTS`: exit status 0 where the run ended well and its table says what any sound run must say.
"""

import io
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

METHODS = {"vae", "beta-vae", "cvae", "lambda-hot", "lambda-hot-movable", "kmeans-vae"}
METHODS |= {"beta-vae-capacity", "joint-vae", "supervised-joint-vae", "mmd-vae", "tvae-normal5"}
POSED = {"tvae", "tvae-tps", "dtvae"}
GENERATORS = {"elbo-simple", "mmd-simple", "mmd-medium1", "mmd-medium2"}
HELD = ["beta-vae-capacity", "joint-vae", "supervised-joint-vae"]
REGENE = {"regene", "regene-5"}
BASELINES = {"raw-pixels", "pca-20", "mean-image", "training-copy", "real-images"}


def bench(*arguments: str) -> str:
    """Standard output of `python -m bench ...`; ends the smoke benchmark where the command fails."""
    done = subprocess.run([sys.executable, "-m", "bench", *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nsmoke: python -m bench {' '.join(arguments)} ended with exit code {done.returncode}")
    return done.stdout


def checks(cells: pd.DataFrame) -> list[tuple[str, bool]]:
    """What holds for any sound run of the suite: each check can fail."""
    row = cells.set_index("label")
    vaes, generators = row.loc[sorted(METHODS)], row.loc[sorted(GENERATORS)]
    regene, copies = row.loc[sorted(REGENE)], row.loc["training-copy"]
    return [
        ("every row is there", set(row.index) == METHODS | POSED | GENERATORS | REGENE | BASELINES),
        ("every status is ok", bool((row["status"] == "ok").all())),
        (
            "every VAE, and a generator's own, beats the mean image",
            bool(
                cells.loc[~row.index.isin(BASELINES), "reconstruction_mse"].max()
                < row.loc["mean-image", "reconstruction_mse"]
            ),
        ),
        ("the importance-weighted bound is above the ELBO", bool((-vaes["nll_iw"] > vaes["elbo"]).all())),
        (
            "beta = 2 leaves less KL than the VAE",
            row.loc["beta-vae", "kl_continuous"] < row.loc["vae", "kl_continuous"],
        ),
        ("a capacity of 5 nats holds the KL near it", bool(row.loc[HELD, "kl_continuous"].between(3.5, 6.5).all())),
        (
            "q(c|x) of the supervised Joint-VAE reads the class",
            row.loc["supervised-joint-vae", "argmax_accuracy"] > 0.8,
        ),
        (
            "a matched category is right at least as often as one by number",
            row.loc["joint-vae", "argmax_accuracy_matched"] >= row.loc["joint-vae", "argmax_accuracy"],
        ),
        ("no category passes log K", bool((row.loc[HELD[1:], "kl_discrete"] <= 2.3026).all())),
        ("Lambda-Hot's argmax reads the class", row.loc["lambda-hot", "argmax_accuracy"] > 0.8),
        ("class-conditional samples show their class", row.loc["lambda-hot", "neutral_accuracy"] > 0.5),
        (
            "real images frame the samples",
            bool((vaes["fd_neutral_org_vs_gen"] > row.loc["real-images", "fd_neutral_org_vs_gen"]).all()),
        ),
        (
            "without a KL term the codes keep more",
            row.loc["mmd-vae", "kl_continuous"] > 2 * row.loc["vae", "kl_continuous"],
        ),
        (
            "what a search finds beats the class means, whose objective is 1",
            bool((generators["generation_objective"] < 1).all()),
        ),
        (
            "rows that share a VAE share its reconstructions",
            generators.filter(like="mmd", axis=0)["reconstruction_mse"].nunique() == 1,
        ),
        (
            "a phase that is shared is counted in each row's time",
            bool((generators["train_seconds"] > generators["shared_train_seconds"]).all()),
        ),
        (
            "a pose without prior costs no KL, and nothing is bounded",
            bool(
                (row.loc[sorted(POSED), "kl_pose"] == 0).all()
                and row.loc[sorted(POSED), ["elbo", "nll_iw"]].isna().all(axis=None)
                and row.loc["tvae-normal5", "kl_pose"] > 0
            ),
        ),
        (
            "combinations of images show their class, before the filter and after it",
            bool((regene[["neutral_accuracy_unfiltered", "neutral_accuracy"]] > 0.9).all(axis=None)),
        ),
        (
            "a combination of rightly classified latents keeps its class (Lemma 1)",
            bool((regene["class_kept_at_z"] > 0.999).all()),
        ),
        ("the filter takes some and leaves some", bool(regene["accept_rate"].between(0.05, 0.999).all())),
        (
            "originals are farther from generations than from reconstructions",
            bool((regene["fd_neutral_org_vs_gen"] > regene["fd_neutral_org_vs_recon"]).all()),
        ),
        (
            "a copy of a training image is nothing new, a real test image is",
            copies["novelty_mse"] == copies["authenticity_mse"] == 0 < copies["novelty_mse_test"],
        ),
        ("raw pixels separate linearly", row.loc["raw-pixels", "svm_test_accuracy"] > 0.9),
        ("parts of the time add up", bool((parts(row) / row["timing_total_seconds"]).between(0.98, 1.02).all())),
    ]


def parts(row: pd.DataFrame) -> pd.Series:
    return row[[f"timing_{name}_seconds" for name in ("setup", "train", "evaluate", "log")]].sum(axis=1)


def main(results: str) -> None:
    began = time.monotonic()
    print(bench("run", "--suite", "smoke", "--results", results, "--force"))
    cells = pd.read_csv(
        io.StringIO(bench("leaderboard", "--suite", "smoke", "--results", results, "--format", "csv", "--per-cell"))
    )
    if not (Path(results) / "mlflow.db").is_file():
        sys.exit("smoke: MLflow's store was not written")
    found = checks(cells)
    for name, holds in found:
        print(f"{'ok    ' if holds else 'FAILED'} {name}")
    print(f"smoke: {time.monotonic() - began:.0f} s")
    failed = sum(not holds for _, holds in found)
    print(f"{len(found) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["results-smoke"]))
