"""Pictures: every image in its place, the same bytes twice, and clear refusals."""

import numpy as np
import pytest
import torch
from PIL import Image

from bench.charts.curves import curves
from bench.charts.grids import reconstruction_grid, sample_grid
from bench.charts.latents import latent_map
from bench.records.cells import curves as read_curves

NAMES = [f"class {k}" for k in range(3)]


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path))


def images_of(path, rows: int) -> np.ndarray:
    """The first channel of a grid's images at their own size: without gaps, names and enlargement. rows: of pixels."""
    shown = read(path)
    shown = shown.reshape(*shown.shape[:2], -1)
    inked = (shown[..., 1:] == 0).all(-1) & (shown[..., 0] < 255)  # names are in grey, the images in red
    kept = shown[inked.any(1)][:, inked.any(0), 0]
    return kept[:: len(kept) // rows, :: len(kept) // rows]


def red(count: int, channels: int) -> torch.Tensor:
    """2 x 2 images, no two pixels of which are alike in the first channel; the others are empty."""
    images = torch.zeros(count, channels, 2, 2, dtype=torch.uint8)
    images[:, 0] = torch.arange(4 * count, dtype=torch.uint8).view(-1, 2, 2)
    return images


def blobs(dimensions: int, n: int = 90) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(n) % 3
    noise = np.random.default_rng(0).normal(size=(n, dimensions))
    return noise + 8 * np.eye(3, dimensions)[labels], labels


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_stand_row_by_row_neither_turned_nor_mirrored(tmp_path, channels):
    images = red(6, channels)
    sample_grid(images, tmp_path / "a.png", columns=3)
    expected = images[:, 0].view(2, 3, 2, 2).transpose(1, 2).reshape(4, 6)
    assert np.array_equal(images_of(tmp_path / "a.png", 4), expected)


def test_a_reconstruction_stands_under_its_original(tmp_path):
    originals = red(6, 3)
    reconstructions = originals + torch.tensor([100, 0, 0], dtype=torch.uint8).view(3, 1, 1)
    reconstruction_grid(originals, reconstructions, tmp_path / "a.png", columns=3)
    sides = torch.stack([originals[:, 0], reconstructions[:, 0]], 1).view(2, 3, 2, 2, 2)
    assert np.array_equal(images_of(tmp_path / "a.png", 8), sides.permute(0, 2, 3, 1, 4).reshape(8, 6))


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_a_latent_map_shows_every_class(tmp_path, dimensions):
    z, y = blobs(dimensions)
    latent_map(torch.from_numpy(z), torch.from_numpy(y), NAMES, tmp_path / "a.png", "a title")
    pixels = read(tmp_path / "a.png")[..., :3].astype(int)
    for colour in ((0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E), (0x2C, 0xA0, 0x2C)):
        assert (np.abs(pixels - colour).sum(axis=2) < 12).any()


def test_tsne_and_latents_that_are_not_finite(tmp_path):
    z, y = blobs(4, n=45)
    z[7] = np.nan
    for name in ("a.png", "b.png"):
        latent_map(z, y, NAMES, tmp_path / name, method="tsne")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    latent_map(np.zeros((10, 6)), np.zeros(10, dtype=int), NAMES, tmp_path / "c.png")
    assert (tmp_path / "c.png").is_file(), "also of latents that are all alike"


def write_curves(path, terms: int, epochs: int = 5) -> None:
    lines = [
        f"{epoch},main,{split},term{term},{10 / epoch + term + (split == 'test')}"
        for term in range(terms)
        for split in ("train", "test")
        for epoch in range(1, epochs + 1)
    ]
    path.write_text("\n".join(["epoch,phase,split,term,value", *lines]))


@pytest.mark.parametrize("terms", [1, 4])
def test_curves_of_both_splits_are_drawn(tmp_path, terms):
    write_curves(tmp_path / "curves.csv", terms)
    assert curves(read_curves(tmp_path / "curves.csv"), tmp_path / "a.png")
    pixels = read(tmp_path / "a.png")[..., :3].astype(int)
    for colour in ((0x4C, 0x78, 0xA8), (0xE4, 0x57, 0x56)):
        assert (np.abs(pixels - colour).sum(axis=2) < 12).any()


def test_no_curves_no_file(tmp_path):
    (tmp_path / "curves.csv").write_text("epoch,phase,split,term,value\n1,main,train,kl,nan\n")
    assert not curves(read_curves(tmp_path / "curves.csv"), tmp_path / "a.png")
    assert not curves(read_curves(tmp_path / "absent.csv"), tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_the_same_input_gives_the_same_bytes(tmp_path):
    z, y = blobs(5)
    write_curves(tmp_path / "curves.csv", 2)
    images = torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8)
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        sample_grid(images, folder / "samples.png", 10, ["a", "b"])
        reconstruction_grid(images, images, folder / "reconstructions.png")
        latent_map(z, y, NAMES, folder / "latents.png")
        curves(read_curves(tmp_path / "curves.csv"), folder / "curves.png")
        made.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert made[0] == made[1] != {}


def test_what_is_refused(tmp_path):
    images, path = red(4, 1), tmp_path / "a.png"
    with pytest.raises(ValueError, match="expected uint8"):
        sample_grid(images.float(), path, 2)
    with pytest.raises(ValueError, match="C 1 or 3"):
        sample_grid(torch.zeros(1, 2, 4, 4, dtype=torch.uint8), path, 2)
    with pytest.raises(ValueError, match="3 row names for 2 rows"):
        sample_grid(images, path, 2, NAMES)
    with pytest.raises(ValueError, match="columns is 0"):
        sample_grid(images, path, 0)
    with pytest.raises(ValueError, match="one shape"):
        reconstruction_grid(images, images[:2], path)
    z, y = blobs(3)
    with pytest.raises(ValueError, match="'pca' or 'tsne'"):
        latent_map(z, y, NAMES, path, method="umap")
    with pytest.raises(ValueError, match="there are 2 classes"):
        latent_map(z, y, NAMES[:2], path)
    with pytest.raises(ValueError, match=r"expected \(N, D\) and \(N,\)"):
        latent_map(z, y[:5], NAMES, path)
    with pytest.raises(ValueError, match="0 of 90 latents are finite"):
        latent_map(z * np.nan, y, NAMES, path)
    assert not path.exists()
