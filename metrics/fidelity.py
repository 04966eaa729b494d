"""How close the distribution of generated images is to that of the originals, in the features of a named network."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torch_fidelity import calculate_metrics

from metrics.base import Figure, Items, Unavailable, metric
from metrics.features import Classifier, Extractor, neutral_extractor

KID_SUBSET = 1000
NEIGHBOURS = 3
BATCH = 64
DISTANCE_ROWS = 500
SOURCE = "torch-fidelity 0.4: Heusel et al. 2017 (Fréchet), Bińkowski et al. 2018 (KID), Kynkäänniemi et al. 2019 (P/R)"


@metric(
    source=f"{SOURCE}; Inception-v3, 2048 features",
    figures={
        "fid_org_vs_gen": Figure("", "lower"),
        "kid_org_vs_gen": Figure("", "lower"),
        "precision": Figure("", "higher"),
        "recall": Figure("", "higher"),
    },
)
def inception_fidelity(
    samples: Tensor, originals: Tensor, originals_name: str, feature_cache: Path, inception: Extractor, seed: int
) -> dict[str, float | Items]:
    """FID, KID, precision and recall of uint8 samples (M,C,H,W) against uint8 originals (M,C,H,W), C of 1 or 3.

    Raises Unavailable for fewer than two images a side.
    """
    frechet, kernel, precision, recall = _compare(samples, originals, originals_name, feature_cache, inception, seed)
    return {"fid_org_vs_gen": frechet, "kid_org_vs_gen": kernel, "precision": precision, "recall": recall}


@metric(
    source=f"{SOURCE}; the neutral classifier's penultimate features (128 of the small CNN, 64 of ResNet-56)",
    figures={
        "fd_neutral_org_vs_gen": Figure("", "lower"),
        "kd_neutral_org_vs_gen": Figure("", "lower"),
        "precision_neutral": Figure("", "higher"),
        "recall_neutral": Figure("", "higher"),
    },
)
def neutral_fidelity(
    samples: Tensor,
    originals: Tensor,
    originals_name: str,
    feature_cache: Path,
    neutral: Classifier,
    seed: int,
) -> dict[str, float | Items]:
    """The same four of samples against originals, uint8 (M,C,H,W), in features that need no download.

    Raises Unavailable for fewer than two images a side.
    """
    extractor = neutral_extractor(neutral)
    frechet, kernel, precision, recall = _compare(samples, originals, originals_name, feature_cache, extractor, seed)
    return {
        "fd_neutral_org_vs_gen": frechet,
        "kd_neutral_org_vs_gen": kernel,
        "precision_neutral": precision,
        "recall_neutral": recall,
    }


class _Images(Dataset[Tensor]):
    """Images in memory as torch-fidelity takes them, one at a time and from the host."""

    def __init__(self, images: Tensor) -> None:
        self.images = images.cpu()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def _compare(
    samples: Tensor, originals: Tensor, originals_name: str, feature_cache: Path, extractor: Extractor, seed: int
) -> tuple[float, float, float, float]:
    """Fréchet distance, kernel distance, precision and recall, from one call of the library.

    The library's eigenvalues are taken in the features' float64. It reads precision as the share of input 1 within the
    manifold of input 2, so input 1 is what was generated. Features of the originals are kept in `feature_cache`, under
    their name and the extractor's, which holds its hash; the library writes a temporary file and renames it.
    """
    smaller = min(len(samples), len(originals))
    if smaller < 2:
        raise Unavailable(f"a distance of distributions needs two images a side, got {smaller}")
    # the library's data loader draws from torch's global stream, which is not ours to move
    with torch.random.fork_rng(devices=[]), torch.cuda.device_of(samples):
        found = calculate_metrics(
            input1=_Images(samples),
            input2=_Images(originals),
            input2_cache_name=re.sub(r"[^\w.-]", "_", originals_name),
            cache_root=str(feature_cache),
            feature_extractor=extractor.get_name(),
            cuda=samples.is_cuda,
            batch_size=BATCH,
            fid=True,
            kid=True,
            prc=True,
            kid_subset_size=min(KID_SUBSET, smaller),
            prc_neighborhood=min(NEIGHBOURS, smaller - 1),
            prc_batch_size=DISTANCE_ROWS,
            rng_seed=seed % 2**32,
            save_cpu_ram=True,  # no worker processes, and distances a block of rows at a time
            verbose=False,
        )
    names = ("frechet_inception_distance", "kernel_inception_distance_mean", "precision", "recall")
    frechet, kernel, precision, recall = (float(found[name]) for name in names)
    return frechet, kernel, precision, recall
