"""Pictures: pixels where they belong, the same bytes twice, and clear refusals."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from bench.charts.curves import curves
from bench.charts.grids import reconstruction_grid, sample_grid
from bench.charts.latents import latent_map
from bench.records.cells import curves as read_curves

NAMES = [f"class {k}" for k in range(3)]


def constant_images(count: int, channels: int, size: int = 28) -> torch.Tensor:
    """Image k is filled with 10 + 20 k, its first channel alone where it has three."""
    images = torch.zeros(count, channels, size, size, dtype=torch.uint8)
    images[:, 0] = (10 + 20 * torch.arange(count, dtype=torch.uint8))[:, None, None]
    return images


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path))


def blobs(dimensions: int, n: int = 90) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(n) % 3
    noise = np.random.default_rng(0).normal(size=(n, dimensions))
    return noise + 8 * np.eye(3, dimensions)[labels], labels


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_stand_row_by_row(tmp_path, channels):
    sample_grid(constant_images(6, channels), tmp_path / "a.png", columns=3)
    pixels = read(tmp_path / "a.png").reshape(*Image.open(tmp_path / "a.png").size[::-1], -1)
    scale, gap = 11, 2  # the whole number that brings 3 x 28 nearest to 900 pixels
    assert pixels.shape == (2 * 28 * scale + gap, 3 * 28 * scale + 2 * gap, channels)
    for k in range(6):
        top, left = (k // 3) * (28 * scale + gap), (k % 3) * (28 * scale + gap)
        tile = pixels[top : top + 28 * scale, left : left + 28 * scale]
        assert (tile[..., 0] == 10 + 20 * k).all()
        assert (tile[..., 1:] == 0).all()
    assert (pixels[28 * scale : 28 * scale + gap] == 255).all()


def test_pixels_are_neither_turned_nor_mirrored(tmp_path):
    images = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    images[0, 0, 0, 3] = 200
    sample_grid(images, tmp_path / "a.png", columns=1)
    pixels = read(tmp_path / "a.png")
    assert pixels.shape == (900, 900)
    assert (pixels[:225, 675:] == 200).all()
    assert pixels.sum() == 200 * 225 * 225


def test_a_reconstruction_stands_under_its_original(tmp_path):
    originals = constant_images(12, 1)
    reconstruction_grid(originals, originals + 5, tmp_path / "a.png")
    pixels = read(tmp_path / "a.png")
    margin = int(np.flatnonzero(pixels[0] != 255)[0])
    step = 28 * 3 + 2
    first, second = 10, 2 * step + 6 + 10  # pairs stand apart by six pixels more
    for k in range(10):
        column = margin + k * step + 10
        assert (pixels[first, column], pixels[first + step, column]) == (10 + 20 * k, 15 + 20 * k)
    for k in (10, 11):
        column = margin + (k - 10) * step + 10
        assert (pixels[second, column], pixels[second + step, column]) == (10 + 20 * k, 15 + 20 * k)


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
    collapsed = np.zeros((10, 6))
    latent_map(collapsed, np.zeros(10, dtype=int), NAMES, tmp_path / "c.png")
    assert read(tmp_path / "c.png").shape == (760, 900, 4)


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
    assert made[0] == made[1]
    assert len(made[0]) == 4


def test_what_is_refused(tmp_path):
    images, path = constant_images(4, 1), tmp_path / "a.png"
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


def test_matplotlib_is_imported_late():
    code = "import sys, bench.pictures; assert not {'matplotlib', 'PIL', 'sklearn', 'torch'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
