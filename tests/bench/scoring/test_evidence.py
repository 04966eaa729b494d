"""Evidence: each thing once, the same whatever was asked for before, refused where the method cannot give it."""

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers_evidence import GATHERED, reaching
from torch import Tensor

import methods
from bench.scoring import samples as generated
from bench.scoring.classifier import Neutral
from bench.scoring.evidence import Definition, Evidence, Failed, MissingCapability
from methods.base import AbstractMethod, ImageSpec
from methods.parts import data as parts_data
from metrics.base import Unavailable
from metrics.features import FeatureSet, NeutralClassifier

methods.load()
VALUES = [name for name in GATHERED if name not in ("sample_seconds", "timed_samples")]
"""What hangs on the method and the data alone, not on the clock."""

Make = Callable[..., Evidence]
REGENE = {"width": 4, "perceptual": "classifier", "filter": "none"}


def _ask(evidence: Evidence, name: str) -> Any:
    try:
        return getattr(evidence, name)
    except (MissingCapability, Unavailable) as reason:
        return repr(reason)


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor):
        return isinstance(second, Tensor) and torch.equal(first, second)
    if isinstance(first, FeatureSet):
        return isinstance(second, FeatureSet) and torch.equal(first.values, second.values)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    return type(first) is type(second) and (callable(first) or first == second)


@pytest.mark.parametrize(
    "name",
    ["lambda-hot", "joint-vae", "supervised-joint-vae", "cvae", "kmeans-vae", "pca", "raw-pixels", "training-copy"],
)
def test_each_thing_is_gathered_once_and_is_the_same_whatever_was_asked_before(
    name: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    gather = Evidence._gathered

    def counted(evidence: Evidence, one: Definition) -> Any:
        calls[one.name] += 1
        return gather(evidence, one)

    monkeypatch.setattr(Evidence, "_gathered", counted)
    forward, backward = make(name), make(name)
    torch.manual_seed(3)
    outside = torch.get_rng_state()
    for _ in range(2):
        found = {thing: _ask(forward, thing) for thing in GATHERED}
    assert calls == dict.fromkeys(GATHERED, 1)
    assert torch.equal(torch.get_rng_state(), outside), "no stream of the outside moves"
    assert not [thing for thing, value in found.items() if isinstance(value, Tensor) and value.requires_grad]
    torch.rand(5)
    again = {thing: _ask(backward, thing) for thing in reversed(GATHERED)}
    assert [thing for thing in VALUES if not _same(found[thing], again[thing])] == []


def test_the_seed_of_the_cell_moves_what_is_drawn_and_nothing_else(make: Make) -> None:
    first, second = make(seed=0), make(seed=1)
    drawn = ("samples", "class_samples", "sampled_log_likelihood", "log_weights", "elbo")
    assert not [name for name in drawn if _same(getattr(first, name), getattr(second, name))]
    still = ("latents_train", "latents_test", "reconstructions", "kl", "labels_test", "originals", "y_test")
    assert not [name for name in still if not _same(getattr(first, name), getattr(second, name))]


def test_there_is_as_much_as_the_settings_and_the_data_say(make: Make, spec: ImageSpec) -> None:
    evidence, image = make(latent=5), spec.shape
    shapes = {
        "reconstructions": (20, *image),
        "latents_train": (50, 5),
        "posterior_means_test": (20, 5),
        "log_weights": (7, 6),
        "elbo": (20,),
        "labels_test": (20,),
        "samples": (30, *image),
        "sample_confidences": (30,),
        "class_samples": (12, *image),
        "class_sample_predictions": (12,),
        "originals": (20, *image),
        "class_probabilities": (4,),
    }
    assert {name: tuple(getattr(evidence, name).shape) for name in shapes} == shapes
    assert {getattr(evidence, name).dtype for name in ("samples", "class_samples", "originals")} == {torch.uint8}
    assert evidence.class_sample_labels.bincount().tolist() == [3, 3, 3, 3]
    assert evidence.protocol["importance"] == {"images": 7, "samples": 6}


def test_batches_change_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = make(), make()
    names = ("latents_train", "reconstructions", "labels_test", "kl")
    expected = [getattr(whole, name) for name in names]
    monkeypatch.setattr(parts_data, "AT_ONCE", 3)
    assert all(torch.allclose(getattr(parts, n), e, atol=1e-5) for n, e in zip(names, expected, strict=True))
    assert len(parts.samples) == 30


def few(make: Make, images: int | None, **options: Any) -> Evidence:
    """Evidence with a bound on the images that linear classifiers are fit on."""
    found = make(**options)
    found.settings = found.settings.model_copy(update={"svm_images": images})
    return found


def test_linear_classifiers_are_fit_on_all_images_or_on_a_share_of_each_class(make: Make) -> None:
    for images in (None, 50, 99):
        whole = few(make, images)
        assert torch.equal(whole.svm_latents, whole.latents_train)
        assert torch.equal(whole.svm_y, whole.y_train)
        assert "svm" not in whole.protocol
    part = few(make, 25)
    assert torch.equal(part.svm_latents, part.latents_train[part.svm_rows])
    assert torch.equal(part.svm_y, part.y_train[part.svm_rows])
    assert len(part.svm_rows.unique()) == 25
    assert (part.svm_y.bincount() - part.y_train.bincount() / 2).abs().max() < 1
    assert part.protocol["svm"] == {"images": 25, "of": 50}
    assert torch.equal(part.svm_rows, few(make, 25, name="raw-pixels").svm_rows), "the same for all rows of a seed"
    assert not torch.equal(part.svm_rows, few(make, 25, seed=1).svm_rows)


def test_too_few_images_for_linear_classifiers_are_refused(make: Make) -> None:
    with pytest.raises(
        Unavailable, match=r"svm_images=3 leaves no image of class \d: set evaluation.svm_images higher"
    ):
        _ = few(make, 3).svm_latents


MISSING = {
    "raw-pixels": ["reconstructions", "samples", "class_samples", "log_weights", "elbo", "kl", "labels_test"],
    "pca": ["samples", "sample_seconds", "posterior_means_test", "sample_predictions"],
    "mean-image": ["latents_test", "clusters_test", "log_weights", "images_per_second"],
    "vae": [
        *("class_samples", "class_sample_labels", "class_sample_predictions", "labels_test", "n_categories"),
        *("category_probabilities_test", "category_samples", "asked_labels", "asked_predictions"),
    ],
    "lambda-hot": ["category_probabilities_train", "category_samples", "category_sample_predictions"],
    "joint-vae": ["class_samples", "class_sample_labels", "class_sample_predictions"],
}


@pytest.mark.parametrize("name", MISSING)
def test_what_a_method_has_not_is_not_given_and_that_is_kept(name: str, make: Make) -> None:
    evidence = make(name)
    for thing in MISSING[name]:
        for _ in range(2):
            with pytest.raises(MissingCapability):
                getattr(evidence, thing)
        assert isinstance(evidence.kept[thing], MissingCapability)


def test_another_failure_is_kept_for_all_that_reads_it_and_is_no_missing_alternative(make: Make) -> None:
    evidence, problem = make(), ZeroDivisionError("by zero")
    asked = []

    def fail(n: int) -> None:
        asked.append(n)
        raise problem

    evidence.method.sample_any = fail
    for name in ("samples", "samples", "samples_in_neutral"):
        with pytest.raises(Failed, match=r"ZeroDivisionError.*by zero") as caught:
            getattr(evidence, name)
        assert isinstance(caught.value, Unavailable)
        assert caught.value.__cause__ is problem
    assert len(asked) == 1
    with pytest.raises(Failed):
        evidence.arguments(lambda samples=None: None, {"samples": "samples"})
    assert evidence.reconstructions is not None, "what does not read it is as good as ever"


REFUSED = {
    "neutral": "the neutral classifier's test accuracy 0.7000 is below the suite's floor 0.8",
    "upright_neutral": "the upright neutral classifier's test accuracy 0.6000 is below the suite's floor 0.8",
    "inception": "no weights here",
}


def test_all_that_takes_a_network_is_known_before_a_run_and_refused_with_its_reason(make: Make) -> None:
    """Classifiers are trained once, before the cells: what reached one unseen would train it within a cell's clock."""
    refused: dict[str, set[str]] = {network: set() for network in REFUSED}
    for name, options in (("joint-vae", {}), ("supervised-joint-vae", {}), ("regene", REGENE)):
        evidence = make(name, accuracy=0.7, **options)
        evidence.load_upright = lambda: Neutral(NeutralClassifier((1, 4, 4), 2), "hash", 0.6)
        evidence.method.canonical = evidence.method.in_mean_pose = lambda x: x
        answers = {thing: _ask(evidence, thing) for thing in GATHERED}
        for network, reason in REFUSED.items():
            refused[network] |= {thing for thing, said in answers.items() if isinstance(said, str) and reason in said}
        stated = [evidence.protocol[f"{which}neutral_test_accuracy"] for which in ("", "upright_")]
        assert stated == [0.7, 0.6]
    refused["inception"] |= {"mixtures"}  # which do without
    assert refused == {network: reaching(network) for network in REFUSED}
    assert make(accuracy=0.8).neutral is not None


# A categorical latent.


def test_categories_come_off_the_end_of_the_code(make: Make) -> None:
    evidence = make("joint-vae", latent=5, categories=3)
    q = evidence.method.posterior(evidence.x_test, evidence.y_test)
    assert evidence.n_categories == 3
    assert torch.allclose(evidence.category_probabilities_test, q.rest.mean, atol=1e-6)
    assert torch.allclose(evidence.posterior_means_test, q.z.mu, atol=1e-6)
    assert torch.equal(evidence.labels_test, q.rest.logits.argmax(1))
    assert torch.equal(evidence.clusters_test, evidence.labels_test)
    assert evidence.category_probabilities_train.shape == (50, 3)


def test_unnamed_categories_are_sampled_and_held_against_the_class_of_their_number(make: Make) -> None:
    evidence = make("joint-vae", categories=6)
    assert evidence.category_sample_labels.bincount().tolist() == [3] * 6
    assert evidence.category_samples.shape[0] == evidence.category_sample_predictions.shape[0] == 18
    assert torch.equal(evidence.asked_labels, evidence.category_sample_labels)
    assert torch.equal(evidence.asked_predictions, evidence.category_sample_predictions)


def test_where_category_and_class_are_one_samples_are_not_made_twice(make: Make) -> None:
    evidence = make("supervised-joint-vae")
    assert evidence.category_samples is evidence.class_samples
    assert evidence.category_sample_predictions is evidence.class_sample_predictions
    assert evidence.asked_predictions is evidence.class_sample_predictions
    assert torch.equal(evidence.category_sample_labels, evidence.class_sample_labels)


def test_a_methods_own_labels_and_clusters_come_before_its_categories(make: Make) -> None:
    evidence = make("joint-vae")
    evidence.method.label = lambda x: torch.full((len(x),), 2)
    evidence.method.cluster = lambda x: torch.full((len(x),), 1)
    assert set(evidence.labels_test.tolist()) == {2}
    assert set(evidence.clusters_test.tolist()) == {1}
    assert make("pca", latent=3).clusters_train.unique().tolist() == [0, 1, 2, 3], "one a class, of k-means"


def test_categories_beside_classes_are_sampled_apart(make: Make) -> None:
    """A method that takes a class and has other categories too, as many or more."""
    evidence = make("joint-vae", categories=6)
    evidence.method.sample = evidence.method.sample_category
    assert evidence.category_samples is not evidence.class_samples
    assert len(evidence.category_sample_predictions) == len(evidence.category_sample_labels) == 18
    assert len(evidence.asked_predictions) == len(evidence.asked_labels) == 12


def test_sample_seconds_are_for_ten_thousand_after_a_warm_up(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence, spent = make("training-copy"), SimpleNamespace(seconds=0.0)

    class Slow(AbstractMethod):
        def sample_any(self, n: int) -> Tensor:
            spent.seconds += n
            return torch.zeros(n, 3, 8, 12)

    evidence.method = Slow()
    monkeypatch.setattr(generated, "now", lambda device: spent.seconds)
    assert evidence.sample_seconds == pytest.approx(10_000)
    assert spent.seconds == 60


def test_proposals_are_one_a_class_sample_and_split_by_class(make: Make) -> None:
    evidence = make("regene", **REGENE)
    assert evidence.proposal_labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    for name in ("accepted", "kept_at_z", "kept_decoded", "of_right_sources"):
        assert getattr(evidence, f"proposals_{name}").dtype == torch.bool
        assert getattr(evidence, f"proposals_{name}").shape == (12,)
    assert evidence.proposals_accepted.all()
    assert evidence.proposal_predictions.shape == (12,)
    with pytest.raises(MissingCapability):
        make("vae").proposal_labels  # noqa: B018


def test_classes_too_small_for_folds_have_a_machine_of_all_images(make: Make) -> None:
    found = make()
    found.kept["svm_y"] = torch.arange(len(found.y_train)) % 25
    with pytest.raises(Unavailable, match="the smallest class has 2"):
        _ = found.svm_folds
    assert found.machines.weights.shape[:2] == found.machines_raw.weights.shape[:2] == (1, 25)
