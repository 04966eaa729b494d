"""What a trained method makes of images: bounds, codes, reconstructions, the classes it reads."""

import torch
from torch import Tensor

from bench.datasets.draws import stratified
from bench.runtime.seeds import stream
from bench.scoring.gathering import MissingCapability, gathered
from bench.scoring.given import Given
from methods.base import AbstractVAE, Images
from methods.parts import Bernoulli, DiscretisedLogistic, Pixels
from metrics.base import Unavailable

LATENT_PIXELS = 4000 * 28 * 28
"""Pixels decoded at once while importance weights are taken: bounds memory (0.3 GiB on conv32), changes no figure's meaning."""

OF_LIKELIHOOD = {
    "sampled_log_likelihood": "bernoulli",
    "sampled_log_probability": "discretised-logistic",
    "discrete_log_weights": "discretised-logistic",
}
"""Evidence that methods of one likelihood alone can give."""


class Encoded(Given):
    """Evidence that comes from the data's own images."""

    @gathered
    def _bound_terms(self) -> dict[str, Tensor]:
        method = self.vae
        parts = [method.terms(x, y) for x, y in self.test.batches()]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    @gathered
    def _pixels(self) -> type[Pixels]:
        """What p(x|z) is of, as the method gives it and not as the suite asked for it."""
        x, y = next(self.test.batches(1))
        return type(self.vae.likelihood(self.vae.posterior(x, y).mode, y))

    @gathered
    def sampled_log_likelihood(self) -> Tensor:
        """log p(x|z) of Bernoulli pixels on [0, 1], which is no probability of images: minus the binary cross-entropy."""
        if not issubclass(self._pixels, Bernoulli):
            raise MissingCapability("Bernoulli pixels")
        return -self._bound_terms["reconstruction"]

    def _check_discrete(self) -> None:
        if not issubclass(self._pixels, DiscretisedLogistic):
            raise MissingCapability("a probability of discrete images")

    @gathered
    def sampled_log_probability(self) -> Tensor:
        """log P(x|z) of images of 256 levels."""
        self._check_discrete()
        return -self._bound_terms["reconstruction"]

    @gathered
    def kl(self) -> Tensor:
        return self._bound_terms["kl"]

    @gathered
    def kl_pose(self) -> Tensor:
        if "kl_pose" not in self._bound_terms:
            raise MissingCapability("a pose latent")
        return self._bound_terms["kl_pose"]

    def _check_bound(self) -> None:
        if isinstance(self.method, AbstractVAE) and not self.method.has_bound:
            raise MissingCapability("a bound on log p(x)")

    @gathered
    def elbo(self) -> Tensor:
        self._check_bound()
        method = self.vae
        return self._over(self.test, lambda x, y: method.elbo(x))

    @gathered
    def log_weights(self) -> Tensor:
        self._check_bound()
        take, samples = self._capability("log_weight"), self.settings.importance_samples
        images = Images(self.test.x[: self.settings.importance_images], self.test.y[: self.settings.importance_images])
        at_once = max(1, LATENT_PIXELS // (samples * images.x[0].numel()))
        weights = torch.cat([take(x, samples) for x, _ in images.batches(at_once)])
        self.protocol["importance"] = {"images": len(weights), "samples": weights.shape[1]}
        return weights

    @gathered
    def discrete_log_weights(self) -> Tensor:
        """log_weights, where p(x|z) is a probability of images of 256 levels."""
        self._check_discrete()
        return self.log_weights

    @gathered
    def reconstructions(self) -> Tensor:
        return self._over(self.test, self._capability("reconstruct"))

    @gathered
    def _codes_train(self) -> Tensor:
        kept = getattr(self.method, "codes", None)  # a method that has encoded them already keeps them for itself
        if kept is not None:
            return kept
        return self._over(self.data.train, self._capability("encode"))

    @gathered
    def codes_test(self) -> Tensor:
        """All that the method's encoder gives, (N, D): of a method with a pose latent, with the pose."""
        return self._over(self.test, self._capability("encode"))

    def _without_pose(self, codes: Tensor) -> Tensor:
        return codes[:, : codes.shape[1] - getattr(self.method, "pose_size", 0)]

    @property
    def latents_train(self) -> Tensor:
        return self._without_pose(self._codes_train)

    @gathered
    def _svm_rows(self) -> Tensor | None:
        """The training images that linear classifiers are fit on, (M,) indices, each class by its share; None is all of them."""
        wanted, y = self.settings.svm_images, self.y_train.cpu()
        if wanted is None or wanted >= len(y):
            return None
        rows = stratified(y, wanted, stream(self.seed_of_cell, "svm"))[1]
        for k in y.unique().tolist():
            if not bool((y[rows] == k).any()):
                raise Unavailable(f"svm_images={wanted} leaves no image of class {k}: set evaluation.svm_images higher")
        self.protocol["svm"] = {"images": wanted, "of": len(y)}
        return rows.to(self.device)

    @property
    def svm_latents(self) -> Tensor:
        """Of the training images that linear classifiers are fit on."""
        rows = self._svm_rows
        return self.latents_train if rows is None else self.latents_train[rows]

    @property
    def svm_y(self) -> Tensor:
        rows = self._svm_rows
        return self.y_train if rows is None else self.y_train[rows]

    @property
    def latents_test(self) -> Tensor:
        return self._without_pose(self.codes_test)

    @gathered
    def posterior_means_test(self) -> Tensor:
        """Of the continuous latents alone."""
        return self.latents_test[:, : self.latents_test.shape[1] - getattr(self.vae, "categories", 0)]

    @property
    def n_categories(self) -> int:
        """Values of the categorical latent."""
        count = getattr(self.method, "categories", None)
        if count is None:
            raise MissingCapability("a categorical latent")
        return count

    @gathered
    def category_probabilities_train(self) -> Tensor:
        return self.latents_train[:, -self.n_categories :]

    @gathered
    def category_probabilities_test(self) -> Tensor:
        """q(c|x), (N, K): the last columns of the code's mean."""
        return self.latents_test[:, -self.n_categories :]

    @gathered
    def labels_test(self) -> Tensor:
        """The class that the method reads off its latent, else its likeliest category, category k read as class k."""
        if not hasattr(self.method, "label") and hasattr(self.method, "categories"):
            return self.category_probabilities_test.argmax(1)
        label = self._capability("label")
        return self._over(self.test, lambda x, y: label(x))

    @gathered
    def _clusters(self) -> tuple[Tensor, Tensor]:
        """Clusters of train and test: the method's own, or its categories, else k-means on its latents with as many as classes."""
        if hasattr(self.method, "cluster"):
            own = self._capability("cluster")
            return self._over(self.data.train, lambda x, y: own(x)), self._over(self.test, lambda x, y: own(x))
        if hasattr(self.method, "categories"):
            return self.category_probabilities_train.argmax(1), self.category_probabilities_test.argmax(1)
        from sklearn.cluster import KMeans

        fitted = KMeans(self.n_classes, n_init=1, random_state=self.seed % 2**32).fit(self.latents_train.cpu().numpy())
        assigned = fitted.predict(self.latents_test.cpu().numpy())
        return torch.from_numpy(fitted.labels_).long(), torch.from_numpy(assigned).long()

    @gathered
    def clusters_train(self) -> Tensor:
        return self._clusters[0].to(self.device)

    @gathered
    def clusters_test(self) -> Tensor:
        return self._clusters[1].to(self.device)
