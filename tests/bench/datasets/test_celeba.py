"""CelebA and drawn faces: what of an image is kept, the splits, and each thing that can be wrong with the files."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets import celeba, load

RED, BLUE, GREEN = (220, 30, 30), (30, 30, 220), (30, 200, 30)
PART = {"train": range(1, 7), "valid": range(7, 9), "test": range(9, 12)}
pytestmark = pytest.mark.filterwarnings("ignore:.*of the published:UserWarning")


def photograph(path: Path, size: tuple[int, int] = celeba.ALIGNED) -> None:
    """Red in its middle 140x140, blue around it."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (19, 39, 159, 179))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=95, subsampling=0)


def drawing(path: Path, size: tuple[int, int]) -> None:
    """Green in the square in its middle, blue beside it."""
    edge = min(size)
    left, top = (size[0] - edge) // 2, (size[1] - edge) // 2
    image = Image.new("RGB", size, BLUE)
    image.paste(GREEN, (left, top, left + edge, top + edge))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eleven photographs and seven drawings, of three shapes and in deeper folders."""
    top = tmp_path / "root"
    lines = []
    for code, numbers in enumerate(PART.values()):
        for number in numbers:
            photograph(top / "celeba" / "img_align_celeba" / f"{number:06}.jpg")
            lines.append(f"{number:06}.jpg {code}\n")
    (top / "celeba" / "list_eval_partition.txt").write_text("".join(lines))
    for number in range(7):
        drawing(top / "anime" / f"series{number % 2}" / f"{number}.png", [(64, 64), (90, 50), (128, 300)][number % 3])
    return top


def get(root: Path, name: str = "celeba-64"):
    return load(name, root, download=False)


def assert_colour(x: torch.Tensor, colour: tuple[int, int, int], slack: int) -> None:
    assert (x.long() - torch.tensor(colour)[:, None, None]).abs().max() <= slack


@pytest.mark.parametrize("side", [64, 128])
def test_the_official_partition_and_a_fifth_of_the_drawings(root: Path, side: int) -> None:
    data = get(root, f"celeba-{side}")
    assert (data.shape, data.classes) == ((3, side, side), ("celeba", "anime"))
    assert data.y_train.bincount().tolist() == [8, 5]
    assert data.y_test.bincount().tolist() == [3, 2]
    assert get(root, f"celeba-{side}").digest == data.digest


def test_at_64_the_middle_140_pixels_are_all_that_is_left(root: Path) -> None:
    data = get(root)
    for x in data.x_train[data.y_train == 0]:
        assert_colour(x[:, 1:-1, 1:-1], RED, 6)
        assert_colour(x, RED, 40)  # the edge, where JPEG blurs what lies beyond into it


def test_at_128_the_whole_is_left_and_widened(root: Path) -> None:
    data = get(root, "celeba-128")
    x = data.x_train[data.y_train == 0][0].long()
    red = (x[0] > x[2]).nonzero()
    top, left = (bound.item() for bound in red.min(0).values)
    bottom, right = (bound.item() + 1 for bound in red.max(0).values)
    assert (left, right) == pytest.approx((19 * 128 / 178, 159 * 128 / 178), abs=1)
    assert (top, bottom) == pytest.approx((39 * 128 / 218, 179 * 128 / 218), abs=1)
    assert_colour(x[:, :10], BLUE, 6)


def test_of_a_drawing_the_square_in_the_middle_is_left_whatever_its_size(root: Path) -> None:
    data = get(root)
    assert_colour(torch.cat(list(data.x_train[data.y_train == 1]), 1), GREEN, 0)
    assert_colour(torch.cat(list(data.x_test[data.y_test == 1]), 1), GREEN, 0)


def test_resizing_averages_what_a_pixel_covers(root: Path) -> None:
    """Stripes of one pixel would come out as black and white where a filter takes the nearest pixels alone."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    for old in (root / "anime").rglob("*.png"):
        Image.fromarray(stripes).save(old)
    data = get(root)
    grey = data.x_train[data.y_train == 1][:, :, :, 1:-1]
    assert grey.min() > 100
    assert grey.max() < 155


def test_each_image_stands_beside_its_own_label_in_an_order_that_mixes_the_classes(root: Path) -> None:
    data = get(root)
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        centre = x[:, :, 32, 32].long()
        assert ((centre[:, 1] > centre[:, 0]).long() == y).all()
    assert data.y_train.tolist() != sorted(data.y_train.tolist())


def test_what_is_not_needed_may_lack_and_what_is_not_listed_is_left_out(root: Path) -> None:
    before = get(root)
    photograph(root / "celeba" / "img_align_celeba" / "000099.jpg")
    (root / "celeba" / "list_attr_celeba.txt").write_text("whatever")
    assert get(root).digest == before.digest


def test_a_part_is_said_to_be_one(root: Path) -> None:
    with pytest.warns(UserWarning, match=r"names 11 of the published 202,599 images"):
        get(root)


def test_the_second_load_decodes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = get(root).digest
    monkeypatch.setattr(celeba, "_decode", lambda *_: pytest.fail("decoded again"))
    assert get(root).digest == digest


def images(root: Path) -> Path:
    return root / "celeba" / "img_align_celeba"


def listed(text: str):
    return lambda root: (root / "celeba" / "list_eval_partition.txt").write_text(text)


def third(content: bytes):
    return lambda root: (images(root) / "000003.jpg").write_bytes(content)


OFF = ["downloading is switched off", "put "]
FAULTS = {
    "no drawings": (lambda root: shutil.rmtree(root / "anime"), ["anime: does not exist", "put drawn faces there"]),
    "few drawings": (lambda root: shutil.rmtree(root / "anime" / "series0"), ["anime: only 3 images", "needs 5"]),
    "no photographs": (lambda root: shutil.rmtree(images(root)), ["img_align_celeba", *OFF]),
    "an empty folder": (lambda root: [path.unlink() for path in images(root).iterdir()], ["img_align_celeba", *OFF]),
    "no partition": (
        lambda root: (root / "celeba" / "list_eval_partition.txt").unlink(),
        ["list_eval_partition.txt", *OFF],
    ),
    "one gone": (lambda root: (images(root) / "000003.jpg").unlink(), ["000003.jpg: no such file", "line 3", "unpack"]),
    "text": (third(b"not a picture"), ["000003.jpg: cannot be decoded", "replace or remove"]),
    "cut short": (third(b"\xff\xd8\xff\xe0"), ["000003.jpg: cannot be decoded"]),
    "another size": (
        lambda root: photograph(images(root) / "000003.jpg", (409, 687)),
        ["000003.jpg", "409x687, not the 178x218"],
    ),
    "a broken drawing": (
        lambda root: (root / "anime" / "series0" / "0.png").write_text("not a picture"),
        ["0.png: cannot be decoded"],
    ),
    "half a line": (listed("000001.jpg 0\n000002.jpg\n"), ["list_eval_partition.txt: line 2 is '000002.jpg'", "anew"]),
    "another part": (listed("000001.jpg 3\n"), ["line 1 is '000001.jpg 3'"]),
    "a path": (listed("../../secret.jpg 0\n"), ["line 1"]),
    "no test": (listed("000001.jpg 0\n"), ["has no image of test (2)"]),
    "nothing": (listed(""), ["has no image of train (0 or 1)"]),
}


@pytest.mark.parametrize(("make", "named"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_named(make, named, root: Path, refused) -> None:
    make(root)
    with refused(root, *named):
        get(root)


def test_without_gdown_refused_says_where_to_put_what(root: Path, refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gdown", None)
    shutil.rmtree(root / "celeba")
    with refused("gdown", "put list_eval_partition.txt, img_align_celeba in", root / "celeba"):
        load("celeba-64", root)
    assert sorted(item.name for item in root.iterdir()) == ["anime"]


def test_a_refusal_of_google_drive_is_refused(root: Path, refused, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = type("FileURLRetrievalError", (Exception,), {"__module__": "gdown.exceptions"})

    def refuse(*args: object, **options: object) -> None:
        raise refusal("too many users\nhave viewed the file")

    monkeypatch.setattr("torchvision.datasets.CelebA.download", refuse)
    shutil.rmtree(images(root))
    with refused("too many users", "put img_align_celeba in", root / "celeba"):
        load("celeba-64", root)


def test_torchvisions_own_download_is_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it but Drive, for which a folder with the archive and the lists stands in."""
    import torchvision

    expected = get(root).digest
    drive = root.with_name("drive")
    shutil.move(root / "celeba", drive)
    shutil.make_archive(str(drive / "img_align_celeba"), "zip", drive, "img_align_celeba")
    rows = [f"{number:06}.jpg  1 -1" for number in range(1, 12)]
    for name in ("list_attr_celeba.txt", "list_bbox_celeba.txt", "list_landmarks_align_celeba.txt"):
        (drive / name).write_text("\n".join(["11", "a b", *rows]) + "\n")
    (drive / "identity_CelebA.txt").write_text("\n".join(f"{number:06}.jpg 5" for number in range(1, 12)))

    def take(file_id: str, into: str, filename: str, md5: str) -> None:
        Path(into).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(drive / filename, Path(into, filename))

    monkeypatch.setattr(torchvision.datasets.celeba, "download_file_from_google_drive", take)
    monkeypatch.setattr(torchvision.datasets.celeba, "check_integrity", lambda path, md5: Path(path).is_file())
    assert load("celeba-64", root).digest == expected
    assert sorted(item.name for item in (root / "celeba").iterdir()) == ["img_align_celeba", "list_eval_partition.txt"]
    assert sorted(item.name for item in root.iterdir()) == ["anime", "celeba"]
