"""scikit-learn's handwritten digits: embedded, nothing to download."""

from pathlib import Path

from bench.datasets.base import Dataset
from bench.datasets.draws import stratified
from bench.datasets.registry import dataset

SPLIT_SEED = 0  # of the split itself, the same for every run: seeds of a suite never move what is tested on


@dataset(
    "digits",
    source="UCI Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, 1998), test part, by scikit-learn",
    licence="CC BY 4.0",
    about="1,797 handwritten digits, 8x8 grey, 10 classes; embedded in scikit-learn, no download",
)
def digits(root: Path, *, download: bool) -> Dataset:
    """The 1,797 images, 0..16 scaled to 0..255, with a fixed fifth of each class as test split."""
    import numpy as np
    import torch
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    x = torch.from_numpy(images)[:, None]
    y = torch.from_numpy(bunch.target.astype(np.int64))
    train, test = stratified(y, -(-len(y) // 5), SPLIT_SEED)
    return Dataset(x[train], y[train], x[test], y[test], tuple(str(name) for name in bunch.target_names))
