"""Latent-statistics generators (000_2852ba8d0aec7d1a.txt): images of a class from the mean and the spread of its codes.

z_y = (1/n) sum_i N(mu_y, theta * sigma_y) (eq. 3); theta and n minimise E[cos(x, x')] + E[1 - accuracy] (eq. 4).
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from jaxtyping import Float, Int
from torch import Tensor

from methods.base import AbstractMethod, AbstractPlainVAE, Count, Latent, NonNegative, Positive, method, part
from methods.choices import Backbone, Likelihood, Sampler
from methods.parts.classifier import ReconstructionClassifier
from methods.parts.data import Images, ImageSpec, TrainingData
from methods.parts.moments import as_matrix, class_moments, mean_cosine, quantised, shortest
from methods.parts.stages import Phase, Phases, Point, Scores, Search, Space, Span, Terms

THETAS = tuple(step / 10 for step in range(11))
DRAWS = (1, 2, 3, 5)
STEEP = 10.0
"""What a unit of accuracy below the floor costs the guide, in units of cosine: more than the front's slope but near an accuracy of 1."""
CHUNK = 100
"""Images decoded and classified at once: bounds memory, and a core is fastest so."""


@method("latent-generator", source="000_2852ba8d0aec7d1a.txt, sections 3.2 to 3.5, eq. 3 and 4")
class LatentGenerator(AbstractMethod):
    """Latent-statistics generator: decodes z_y = (1/n) sum_i N(mu_y, theta * sigma_y), the moments of a class's codes.

    mu_y and sigma_y: mean and standard deviation of the encoder means of the class's training images. theta is one number (simple), one a
    latent dimension (medium1) or one a class and dimension (medium2). Stages: a VAE (`elbo`, or `mmd` as in MMD-VAE) on all images; the
    moments; a classifier of the VAE's reconstructions at the mean; the search of theta and n. `objective` minimises eq. 4, pairs within
    a class, accuracy by that classifier; `floor` seeks the lowest E[cos] with an accuracy of `floor`, held with `margin` in the search (by
    medium2 in every class). simple is the paper's whole grid, 11 thetas by 4 n. medium1 and medium2 are searched from Simple's best point,
    medium2 a class at a time from medium1's, as both parts of eq. 4 are means over classes; n = 1, as theta and n act through
    theta / sqrt(n) alone. A given `theta` (and `n`) is taken as it is. Options of what a row has not (the MMD of an ELBO row, the floor of
    an objective) do nothing. theta = 0 decodes mu_y; medium1 with equal entries is simple; medium2 with equal rows is medium1.
    """

    labels_in_training = True
    mu: Tensor
    sigma: Tensor
    theta: Tensor
    frequencies: Tensor
    n: Tensor

    def __init__(
        self,
        spec: ImageSpec,
        *,
        latent: Latent = 20,
        backbone: Backbone = "mlp",
        hidden: Count | None = None,
        likelihood: Likelihood = "bernoulli",
        vae: Literal["elbo", "mmd"] = "elbo",
        mmd_weight: NonNegative = 1000.0,
        bandwidth: Positive | None = None,
        generator: Literal["simple", "medium1", "medium2"] = "simple",
        theta: float | list[float] | list[list[float]] | None = None,
        n: Count = 1,
        goal: Literal["objective", "floor"] = "objective",
        floor: Annotated[float, Ge(0), Le(1)] = 0.99,
        margin: NonNegative = 0.001,
        sampler: Sampler = "tpe",
        trials: Count = 200,
        images: Annotated[int, Ge(10)] = 500,
        classifier_epochs: Count = 3,
    ) -> None:
        super().__init__()
        self.kind, self.goal, self.floor, self.margin = generator, goal, floor, margin
        self.sampler, self.trials, self.images, self.classifier_epochs = sampler, trials, images, classifier_epochs
        self.given_n = n
        if theta is None and n != 1:
            raise ValueError(f"n={n} is searched together with theta: give theta as well, or leave n out")
        networks = {"latent": latent, "backbone": backbone, "hidden": hidden, "likelihood": likelihood}
        own = {} if vae == "elbo" else {"mmd_weight": mmd_weight, "bandwidth": bandwidth}
        self.vae: AbstractPlainVAE = part("vae" if vae == "elbo" else "mmd-vae", spec, **networks, **own)
        self.facts |= self.vae.facts
        self.classifier = ReconstructionClassifier(spec.shape, spec.classes)
        for name in ("mu", "sigma", "theta"):
            self.register_buffer(name, torch.zeros(spec.classes, latent))
        self.register_buffer("frequencies", torch.zeros(spec.classes))
        self.register_buffer("n", torch.tensor(1))
        # No buffers: the state in which rows come to what they share is the same for a given theta and n and for searched ones.
        self.given = None if theta is None else as_matrix(theta, generator, spec.classes, latent)

    def phases(self, data: TrainingData) -> Phases:
        data.check_classes(2, ": a spread takes two; leave it out or add some")
        yield from self.vae.phases(data)
        self.take_moments(data)
        yield Phase(
            "classifier",
            self.classifier,
            self.classifier_terms,
            view=self.reconstructed,
            epochs=self.classifier_epochs,
            shared={},
            reads=(self.vae,),
        )
        if self.given is None:
            yield from self.searches()
        else:
            self.theta.copy_(self.given)
            self.n.fill_(self.given_n)
        self.facts |= {"theta": shortest(self.theta, self.kind), "n": int(self.n)}
        last = {name: found for name, found in self.facts.get("search", {}).items() if name.startswith(self.kind)}
        missed = [name for name, found in last.items() if found["accuracy"] < self.floor]
        if self.goal == "floor" and missed:
            self.add_caveats({"below_floor": {"floor": self.floor, "searches": missed}})

    @torch.no_grad()
    def take_moments(self, data: TrainingData) -> None:
        """mu_y and sigma_y of the training images' encoder means, and the classes' shares of the images."""
        self.eval()
        self.frequencies.copy_(data.class_frequencies())
        codes = torch.cat([self.encode(x, y) for x, y in data.train.batches()])
        mu, sigma = class_moments(codes, data.train.y, data.classes)
        self.mu.copy_(mu)
        self.sigma.copy_(sigma)

    def reconstructed(self, images: Images) -> Images:
        """Reconstructions at the mean, uint8."""
        x = torch.cat([(self.reconstruct(x, y) * 255).round().to(torch.uint8) for x, y in images.batches()])
        return Images(x, images.y)

    def classifier_terms(self, x: Tensor, y: Tensor) -> Terms:
        return {"cross_entropy": F.cross_entropy(self.classifier(x).float(), y, reduction="none")}

    def searches(self) -> Phases:
        """Simple's grid; then, for medium1 and medium2, what starts from its best point."""
        self.eval()
        found = yield self.search("simple", {"theta": THETAS, "n": DRAWS}, trials=None)
        theta, n = found.point["theta"], found.point["n"]
        self.theta.fill_(theta)
        self.n.fill_(n)
        self.facts["search"] = {"simple": {**found.point, **found.scores}}
        if self.kind == "simple":
            return
        self.theta.div_(n**0.5)
        self.n.fill_(1)
        space = {f"theta_{d}": Span(0.0, 1.0) for d in range(self.theta.shape[1])}
        found = yield self.search("medium1", space, self.trials, start=self.theta[0])
        self.theta.copy_(torch.tensor(list(found.point.values())).expand_as(self.theta))
        self.facts["search"]["medium1"] = dict(found.scores)
        for k in range(len(self.theta)) if self.kind == "medium2" else ():
            found = yield self.search(f"medium2-{k}", space, self.trials, start=self.theta[k], only=k)
            self.theta[k] = torch.tensor(list(found.point.values()))
            self.facts["search"][f"medium2-{k}"] = dict(found.scores)

    def search(
        self, name: str, space: Space, trials: int | None, start: Tensor | None = None, only: int | None = None
    ) -> Search:
        """A search of theta for all classes, or for the one named by `only`."""
        every = torch.arange(len(self.mu), device=self.mu.device)
        classes = every if only is None else every[only : only + 1]

        def measure(point: Point, images: int) -> Scores:
            n = point.get("n", 1)
            theta = torch.tensor([value for key, value in point.items() if key != "n"], device=self.mu.device)
            assert isinstance(n, int)
            return self.scores(theta.expand(len(classes), self.mu.shape[1]), n, classes, images)

        first = [] if start is None else [dict(zip(space, start.tolist(), strict=True))]
        looks = (max(2, self.images // 5), self.images)
        costs = ("cosine", "error")
        return Search(name, space, measure, self.value, trials, looks, self.guide, self.sampler, costs, first)

    def value(self, scores: Scores) -> float:
        """What the goal chooses by. Below the floor it is above every cosine, and the more so the further below."""
        if self.goal == "objective":
            return scores["cosine"] + scores["error"]
        short = self.short(scores)
        return scores["cosine"] if short <= 0 else 1.0 + short

    def guide(self, scores: Scores) -> float:
        """The same without the cliff at the floor, on which the sampler would learn of the accuracy alone."""
        if self.goal == "objective":
            return self.value(scores)
        return scores["cosine"] + STEEP * max(0.0, self.short(scores))

    def short(self, scores: Scores) -> float:
        """How much of the accuracy that the search holds is missing."""
        return min(1.0, self.floor + self.margin) - scores["accuracy"]

    @torch.no_grad()
    def scores(self, theta: Float[Tensor, "k d"], n: int, classes: Int[Tensor, " k"], images: int) -> Scores:
        """E[cos(x, x')] and accuracy over the classes, so many images of each: the two parts of eq. 4."""
        shape = len(classes), images, theta.shape[1]
        noise = torch.stack([torch.randn(shape, device=theta.device) for _ in range(n)]).mean(0)
        codes = self.mu[classes, None] + (theta * self.sigma[classes])[:, None] * noise
        cosine, right = torch.zeros((), device=theta.device), torch.zeros((), device=theta.device)
        for y, of_class in zip(classes, codes, strict=True):
            x = [quantised(self.vae.decoder(z).mean) for z in of_class.split(CHUNK)]
            right += torch.stack([(self.recognise(part) == y).sum() for part in x]).sum()
            cosine += mean_cosine(torch.cat(x).flatten(1))
        accuracy = (right / (len(classes) * images)).item()
        return {"cosine": (cosine / len(classes)).item(), "accuracy": accuracy, "error": 1 - accuracy}

    def encode(self, x: Tensor, y: Tensor) -> Tensor:
        return self.vae.encode(x, y)

    def reconstruct(self, x: Tensor, y: Tensor) -> Tensor:
        return self.vae.reconstruct(x, y)

    def recognise(self, x: Tensor) -> Tensor:
        """The class that the classifier of reconstructions sees."""
        return self.classifier(x).argmax(1)

    def sample(self, y: Tensor) -> Tensor:
        noise = torch.randn(int(self.n), len(y), self.mu.shape[1], device=self.mu.device).mean(0)
        return self.vae.decoder(self.mu[y] + self.theta[y] * self.sigma[y] * noise).mean

    def sample_any(self, n: int) -> Tensor:
        """Classes drawn by their frequency."""
        return self.sample(torch.multinomial(self.frequencies, n, replacement=True))
