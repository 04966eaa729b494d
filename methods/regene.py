"""ReGene (001_9c71068f65ebe130.txt): images decoded from convex combinations of a classifier's latents, z = sum_i w_i z(x_i)."""

import math
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Le, Lt
from jaxtyping import Float, Int
from torch import Tensor

from methods.base import AbstractMethod, Count, Images, ImageSpec, NonNegative, Phase, Terms, TrainingData, method
from methods.parts import vgg
from methods.parts.combinations import Proposals, RowsByClass, check_combination, check_images
from methods.parts.rejection import Starved, accepted, confidences, passes
from methods.parts.ssim import SSIM

CODES_BYTES = 2**30
"""Training images' codes are kept where they fit into so much; else those that are drawn are encoded again."""
ROUNDING = 1e-6


@method("regene", source="001_9c71068f65ebe130.txt, sections 3 and 4")
class ReGene(AbstractMethod):
    """ReGene: a classifier, a decoder of its frozen latents, and samples decoded from convex combinations of a class's latents.

    The classifier's penultimate layer is z (eqs. 1 to 3). The decoder minimises MAE + SSIM + perceptual loss, each a mean over pixels or
    features; the weights of 1 - SSIM and of the perceptual loss fall in a straight line to `final_share` of themselves over the decoder's
    first `fall_steps` steps (section 4.2). A sample of class y is decoded from z = sum_i w_i z(x_i) over n training images of y, drawn
    without replacement, and kept where the classifier's confidence in y, at z and again at the decoded image, is at least that class's
    mean over the held-out images that it classifies rightly (section 5.2). With weights 1, 0 it is a reconstruction of a training image.

    classifier_share: of the budget's epochs, the decoder takes the rest; None: each stage takes all of them. classifier_images: at most so
    many of each class (section 4.1 takes 15,000). latent: None takes the last block's maps as z, 2,048 numbers at 28x28 and 32x32; a number
    puts a dense layer of that width behind them.
    perceptual: the features compared. vgg16 takes torchvision's ImageNet weights; classifier the maps of this method's own frozen
    classifier; auto the first where they are there, else the second, and then says so. Not given in the paper, and so settings: all
    weights, `width`, `fall_steps`. Raises ValueError for weights that are not n non-negative numbers of sum 1, for vgg16 without its file.
    """

    labels_in_training = True
    confidence: Tensor
    decoder_start: Tensor

    def combined(self, y: Int[Tensor, " n"]) -> tuple[Float[Tensor, "n d"], Tensor]:
        """z = sum_i w_i z(x_i) for the classes asked for, and whether the classifier is right on all x_i."""
        z, right = None, torch.ones_like(y, dtype=torch.bool)
        for share, rows in zip(self.shares, self.rows.draw(y, self.n), strict=True):
            code = self.codes[rows] if self.codes is not None else self.classifier.encode(self.images.x[rows] / 255)
            right &= self.classifier.head(code).argmax(1) == y
            z = share * code if z is None else z + share * code
        assert z is not None
        return z, right

    def classifier_terms(self, x: Tensor, y: Tensor) -> Terms:
        return {"cross_entropy": F.cross_entropy(self.classifier(x), y, reduction="none")}

    def decoder_terms(self, x: Tensor, y: Tensor) -> Terms:
        """Mean absolute error over pixels, 1 - SSIM, and the mean over layers of the features' mean squared error."""
        with torch.no_grad():
            maps = self.classifier.features(x)
            z = self.classifier.code(maps[-1]).float()
            target = maps if self.imagenet is None else self.imagenet(x)
        decoded = self.decoder(z)
        found = self.classifier.features(decoded) if self.imagenet is None else self.imagenet(decoded)
        apart = [(a - b).float().square().flatten(1).mean(1) for a, b in zip(found, target, strict=True)]
        return {
            "mae": (decoded - x).abs().flatten(1).mean(1),
            "ssim": 1 - self.ssim(decoded, x),
            "perceptual": torch.stack(apart).mean(0),
        }

    def _falling(self, weight: float, mean: Tensor) -> Tensor:
        per_step, most = self.fall
        return weight * mean * (1 - ((self.optimiser_steps - self.decoder_start) * per_step).clamp(max=most))

    def __init__(
        self,
        spec: ImageSpec,
        *,
        n: Annotated[int, Ge(2)] = 2,
        weights: list[NonNegative] | None = None,
        filter: Literal["both", "latent", "none"] = "both",
        tries: Count = 100,
        latent: Count | None = None,
        width: Count = 32,
        blocks: Count | None = None,
        convolutions: Count = 1,
        perceptual: Literal["auto", "vgg16", "classifier"] = "auto",
        mae_weight: NonNegative = 1.0,
        ssim_weight: NonNegative = 0.2,
        perceptual_weight: NonNegative = 0.05,
        final_share: Annotated[float, Ge(0), Le(1)] = 0.1,
        fall_steps: Count = 5000,
        classifier_share: Annotated[float, Gt(0), Lt(1)] | None = None,
        classifier_images: Count | None = None,
    ) -> None:
        super().__init__()
        check_combination(n, weights)
        if spec.classes < 2:
            raise ValueError(f"regene's classifier needs two classes, the data set has {spec.classes}")
        self.n, self.filter, self.tries, self.spec = n, filter, tries, spec
        self.shares = [1 / n] * n if weights is None else list(weights)
        self.classifier_share, self.classifier_images = classifier_share, classifier_images
        blocks = blocks or vgg.blocks_for(spec.shape)
        self.classifier = vgg.VGGClassifier(spec.shape, spec.classes, width, blocks, convolutions, latent)
        self.decoder = vgg.VGGDecoder(spec.shape, self.classifier, convolutions, latent)
        self.register_buffer("confidence", torch.full((spec.classes,), math.inf))
        self.register_buffer("decoder_start", torch.zeros((), dtype=torch.int64))
        self.ssim = SSIM(spec.height, spec.width)
        self.perceptual = vgg.perceptual_file(perceptual)
        self.imagenet: vgg.ImageNetFeatures | None = None
        falling = {"ssim": ssim_weight, "perceptual": perceptual_weight}
        self.fall = (1 - final_share) / fall_steps, 1 - final_share
        self.weights = {"mae": mae_weight, **{name: partial(self._falling, w) for name, w in falling.items()}}
        ends = {name: {"from": w, "to": w * final_share, "steps": fall_steps} for name, w in falling.items()}
        self.facts |= {"latent": self.classifier.size, "loss_weights": {"mae": mae_weight, **ends}}
        self.facts["perceptual_features"] = "classifier" if self.perceptual is None else "vgg16"
        if self.perceptual is not None:
            self.facts["perceptual_hash"] = vgg.file_hash(self.perceptual)
        elif perceptual == "auto":
            self.add_caveats({"no_imagenet_weights": vgg.IMAGENET_FILE})

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        check_images(data, self.n)
        view = None if self.classifier_images is None else self._first_of_each
        share = self.classifier_share
        first, second = (1.0, 1.0) if share is None else (share, 1 - share)
        shared: dict[str, Any] = {"images": self.classifier_images}
        yield Phase(
            "classifier", self.classifier, self.classifier_terms, share=first, view=view, shared=shared, reads=()
        )
        self.classifier.freeze()
        self._take_confidence(data)
        self.decoder_start.copy_(self.optimiser_steps)
        if self.perceptual is not None:
            self.imagenet = vgg.ImageNetFeatures(self.perceptual).to(self.decoder_start.device)
        settled = ("loss_weights", "perceptual_features", "perceptual_hash")
        shared = {name: self.facts.get(name) for name in settled}
        reads = (self.classifier,)
        yield Phase("decoder", self.decoder, self.decoder_terms, share=second, shared=shared, reads=reads)
        self._tell_reached()
        self.facts["combination"] = {"n": self.n, "weights": self.shares, "filter": self.filter}

    def attach(self, data: TrainingData) -> None:
        self.images, self.rows = data.train, RowsByClass(data.train.y, data.classes)
        self.frequencies, self.names = data.class_frequencies(), [data.name_of(k) for k in range(data.classes)]
        vars(self).pop("codes", None)

    def _tell_reached(self) -> None:
        """Where the falling weights ended: a short training stops above their end."""
        reached = int(self.optimiser_steps - self.decoder_start)
        left = 1 - min(reached * self.fall[0], self.fall[1])
        self.facts["loss_weights_reached"] = {"steps": reached, "share": left}
        if left > 1 - self.fall[1] + ROUNDING:
            self.add_caveats({"loss_weights_left": left})

    def _first_of_each(self, images: Images) -> Images:
        """At most `classifier_images` of each class, the first in the data's order."""
        assert self.classifier_images is not None
        rows = [(images.y == k).nonzero().flatten()[: self.classifier_images] for k in range(self.spec.classes)]
        kept = torch.cat(rows).sort().values
        return Images(images.x[kept], images.y[kept])

    @torch.no_grad()
    def _take_confidence(self, data: TrainingData) -> None:
        """Each class's mean confidence over its rightly classified held-out images. Raises ValueError for a class without one."""
        self.eval()
        logits = torch.cat([self.classifier(x) for x, _ in data.held_out.batches()])
        means = confidences(logits, data.held_out.y)
        by_name = {data.name_of(k): None if math.isnan(mean) else mean for k, mean in enumerate(means.tolist())}
        undefined = [name for name, mean in by_name.items() if mean is None]
        if undefined and self.filter != "none":
            raise ValueError(
                f"class {', '.join(undefined)}: the classifier is right on none of its held-out images, so that the confidence to pass "
                "is undefined: train for more epochs, or hold out more images"
            )
        self.confidence.copy_(means.nan_to_num(math.inf))  # nothing passes what is undefined
        self.facts["confidence"] = by_name

    @cached_property
    @torch.no_grad()
    def codes(self) -> Float[Tensor, "n d"] | None:
        """Of the trained classifier, where they fit."""
        if len(self.images) * self.classifier.size * 4 > CODES_BYTES:
            return None
        self.eval()
        codes, at = torch.empty(len(self.images), self.classifier.size, device=self.images.x.device), 0
        for x, _ in self.images.batches():  # in place: batches joined at the end would be held twice
            codes[at : at + len(x)] = self.classifier.encode(x)
            at += len(x)
        return codes

    def encode(self, x: Tensor, y: Tensor) -> Tensor:
        return self.classifier.encode(x)

    def decode(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n c h w"]:
        return self.decoder(z)

    def reconstruct(self, x: Tensor, y: Tensor) -> Tensor:
        return self.decoder(self.classifier.encode(x))

    def label(self, x: Tensor) -> Tensor:
        """The class that the classifier sees."""
        return self.classifier(x).argmax(1)

    def propose(self, y: Int[Tensor, " n"]) -> Proposals:
        """One combination for each class asked for, and whether the filter lets it pass."""
        z, sources_right = self.combined(y)
        head, images = self.classifier.head(z), self.decoder(z)
        seen = self.classifier(images)
        kept = torch.ones_like(y, dtype=torch.bool)
        if self.filter != "none":
            kept &= passes(head, y, self.confidence)
        if self.filter == "both":
            kept &= passes(seen, y, self.confidence)
        return Proposals(images, kept, head.argmax(1), seen.argmax(1), sources_right)

    def sample(self, y: Tensor) -> Tensor:
        """Images of the classes asked for that pass the filter. Raises ValueError, naming the class, where the filter starves one."""
        at_once, shape = self.images.at_once, self.spec.shape
        try:
            return accepted(y, self._passing, shape=shape, names=self.names, at_once=at_once, tries=self.tries)
        except Starved as problem:
            self.facts["starved"] = {"class": problem.name, "combinations": problem.tried}
            raise

    def sample_any(self, n: int) -> Tensor:
        """Classes drawn by their frequency."""
        return self.sample(torch.multinomial(self.frequencies, n, replacement=True))

    def _passing(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Images that pass, and their classes. What fails at z is not decoded."""
        z, _ = self.combined(y)
        if self.filter != "none":
            kept = passes(self.classifier.head(z), y, self.confidence)
            z, y = z[kept], y[kept]
        images = self.decoder(z)
        if self.filter == "both":
            kept = passes(self.classifier(images), y, self.confidence)
            images, y = images[kept], y[kept]
        return images, y
