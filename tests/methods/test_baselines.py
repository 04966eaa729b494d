"""The rows that frame the others."""

import pytest
import torch
from sklearn.decomposition import PCA as ReferencePCA

from methods.base import AbstractMethod, Images, ImageSpec, TrainingData
from methods.baselines import PCA, MeanImage, RawPixels, RealImages, TrainingCopy


def _run(method: AbstractMethod, data: TrainingData) -> AbstractMethod:
    method.attach(data)
    assert list(method.phases(data)) == [], "nothing to train"
    return method


def test_raw_pixels_are_the_image(spec: ImageSpec, data: TrainingData) -> None:
    x, y = next(data.train.batches())
    assert torch.equal(RawPixels(spec).encode(x, y).view_as(x), x)


@pytest.fixture
def pca(spec: ImageSpec, data: TrainingData) -> tuple[PCA, ReferencePCA]:
    flat = data.train.x.flatten(1).double().numpy() / 255
    return _run(PCA(spec, latent=5), data), ReferencePCA(5, svd_solver="full").fit(flat)


def test_pca_is_that_of_scikit_learn_up_to_sign(pca, test_images: Images) -> None:
    ours, reference = pca
    x, y = next(test_images.batches())
    x = 3 * x - 1  # beyond [0, 1], so that the clipping shows
    expected = torch.from_numpy(reference.transform(x.flatten(1).double().numpy())).float()
    found = ours.encode(x, y)
    assert torch.allclose(found.abs(), expected.abs(), atol=1e-4)
    signs = (found * expected).sign()
    assert torch.equal(signs, signs[:1].expand_as(signs)), "one sign a component"
    back = reference.inverse_transform(expected.double().numpy()).clip(0, 1)
    assert torch.allclose(ours.reconstruct(x, y), torch.from_numpy(back).float().view_as(x), atol=1e-4)


def test_pca_turns_each_component_to_its_largest_entry(pca) -> None:
    components = pca[0].components
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()
    assert torch.allclose(components @ components.T, torch.eye(5), atol=1e-5)


def test_pca_with_more_components_than_pixels_names_both(spec: ImageSpec) -> None:
    with pytest.raises(ValueError, match=r"latent=289\b.*\b288 pixels"):
        PCA(spec, latent=289)


def test_mean_image(spec: ImageSpec, data: TrainingData) -> None:
    method = _run(MeanImage(spec), data)
    x, y = next(data.train.batches())
    assert torch.allclose(method.reconstruct(x, y), x.mean(0).expand_as(x), atol=1e-6)
    for k in range(spec.classes):
        assert torch.allclose(method.sample(torch.tensor([k]))[0], x[y == k].mean(0), atol=1e-6)
        ink = data.train.x[y == k].float()
        assert torch.equal(method.class_means[k], ink.sum(0) / (255 * len(ink))), "to the bit: batches change nothing"
    drawn = method.sample_any(40)
    assert all(any(torch.equal(image, mean) for mean in method.class_means) for image in drawn)


def test_mean_image_where_a_class_has_no_training_image(spec: ImageSpec, data: TrainingData) -> None:
    wider = ImageSpec(spec.channels, spec.height, spec.width, classes=5)
    method = _run(MeanImage(wider), TrainingData(data.train, data.held_out, classes=5))
    x, y = next(data.train.batches())
    assert torch.allclose(method.reconstruct(x, y), x.mean(0).expand_as(x), atol=1e-6)
    assert method.sample_any(20).isfinite().all()


COPIES = pytest.mark.parametrize(("cls", "part"), [(TrainingCopy, "train"), (RealImages, "held_out")])


def _count(drawn: torch.Tensor, images: torch.Tensor) -> list[int]:
    """How often each of the images (M,...), all different, is among those drawn (N,...) in [0,1]."""
    levels = (drawn * 255).round().to(torch.uint8)
    return [int((levels == image).flatten(1).all(1).sum()) for image in images]


@COPIES
def test_copies_use_every_image_once_before_any_twice(cls, part: str, spec: ImageSpec, data: TrainingData) -> None:
    method, images = _run(cls(spec), data), getattr(data, part)
    for n in (1, len(images), 2 * len(images), 2 * len(images) + 3):
        counts = _count(method.sample_any(n), images.x)
        assert sum(counts) == n, "only images of this part"
        assert max(counts) - min(counts) <= 1


@COPIES
def test_copies_are_of_the_class_asked_for(cls, part: str, spec: ImageSpec, data: TrainingData) -> None:
    method, images = _run(cls(spec), data), getattr(data, part)
    asked = torch.tensor([2, 0, 2, 1] * 10)
    drawn = method.sample(asked)
    for k in asked.unique():
        counts = _count(drawn[asked == k], images.x[images.y == k])
        assert sum(counts) == (asked == k).sum()
        assert max(counts) - min(counts) <= 1


def test_copying_what_there_is_not_is_refused(spec: ImageSpec, data: TrainingData) -> None:
    none = Images(data.train.x[:0], data.train.y[:0])
    with pytest.raises(ValueError, match="held_out"):
        _run(RealImages(spec), TrainingData(data.train, none, data.classes))
    of_three = data.train.y != 3
    some = TrainingData(Images(data.train.x[of_three], data.train.y[of_three]), none, data.classes)
    with pytest.raises(ValueError, match="class"):
        _run(TrainingCopy(spec), some).sample(torch.tensor([3]))
