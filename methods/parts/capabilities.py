"""What the harness may ask of a method beyond training: a method has a capability where it has all of its members.

Nothing has to be inherited. `encode` and `reconstruct` take labels y for methods that are given them at test time; images are in [0, 1].
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from methods.parts.combinations import Proposals

ImageBatch = Float[Tensor, "n c h w"]
Codes = Float[Tensor, "n d"]
Integers = Int[Tensor, " n"]


@runtime_checkable
class Encodes(Protocol):
    def encode(self, x: ImageBatch, y: Integers) -> Codes:
        """The posterior mean. Of a joint code z comes first, then the probabilities of a category, then the mean pose."""


@runtime_checkable
class KeepsCodes(Protocol):
    codes: Codes | None
    """Of the training images, in their order, where they are kept."""


@runtime_checkable
class Decodes(Protocol):
    def decode(self, z: Codes) -> ImageBatch:
        """Of a method without a likelihood: the images of codes."""


@runtime_checkable
class Reconstructs(Protocol):
    def reconstruct(self, x: ImageBatch, y: Integers) -> ImageBatch: ...


@runtime_checkable
class Samples(Protocol):
    def sample_any(self, n: int) -> ImageBatch: ...


@runtime_checkable
class SamplesClasses(Protocol):
    def sample(self, y: Integers) -> ImageBatch:
        """Images of the classes asked for."""


@runtime_checkable
class HasCategories(Protocol):
    categories: int
    """K, the number of values of a categorical latent. `categories_are_classes` says whether category k is class k."""


@runtime_checkable
class SamplesCategories(Protocol):
    def sample_category(self, c: Integers) -> ImageBatch:
        """Images of the categories asked for."""


@runtime_checkable
class Proposes(Protocol):
    def propose(self, y: Integers) -> Proposals:
        """What a method that filters its samples makes before the filter, with the filter's verdicts."""


@runtime_checkable
class Weighs(Protocol):
    def log_weight(self, x: ImageBatch, samples: int) -> Float[Tensor, "n s"]:
        """Log importance weights of p(x), in nats."""


@runtime_checkable
class Labels(Protocol):
    def label(self, x: ImageBatch) -> Integers:
        """The class read off the code."""


@runtime_checkable
class Clusters(Protocol):
    def cluster(self, x: ImageBatch) -> Integers: ...


@runtime_checkable
class Recognises(Protocol):
    def recognise(self, x: ImageBatch) -> Integers:
        """The class that the method's own classifier, trained on its reconstructions, sees in an image."""


@runtime_checkable
class RemovesPose(Protocol):
    def canonical(self, x: ImageBatch) -> ImageBatch: ...


@runtime_checkable
class AlignsPose(Protocol):
    def in_mean_pose(self, x: ImageBatch) -> ImageBatch:
        """Images without their own pose, in the mean pose of the training images."""


@runtime_checkable
class HasPose(RemovesPose, AlignsPose, Protocol):
    """A pose latent; `pose.mean_pose`, (pose_size,), is the mean over the training images."""

    pose_size: int

    def reference(self, z: Codes) -> ImageBatch:
        """What codes look like before their pose is applied."""


FUNCTIONS = {
    name: capability
    for capability in (
        *(Encodes, Decodes, Reconstructs, Samples, SamplesClasses, SamplesCategories, Proposes, Weighs),
        *(Labels, Clusters, Recognises, RemovesPose, AlignsPose),
    )
    for name, member in vars(capability).items()
    if callable(member) and not name.startswith("_")
}


def check_capabilities(method: object) -> None:
    """Raise ValueError for an attribute that only looks like a capability, and for a pose latent without the rest of HasPose."""
    own = type(method).__name__
    for name, capability in FUNCTIONS.items():
        if hasattr(method, name) and not callable(getattr(method, name)):
            raise ValueError(
                f"{own}.{name} is no function, but has the name of one of {capability.__name__}: rename it"
            )
    for name, latent in {"categories": HasCategories, "pose_size": HasPose}.items():
        count = getattr(method, name, 1)
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"{own}.{name} is {count!r}, but {latent.__name__} has a count of that name: rename it")
    if hasattr(method, "pose_size"):
        missing = [name for name in ("canonical", "in_mean_pose", "reference") if not hasattr(method, name)]
        missing += [] if hasattr(getattr(method, "pose", None), "mean_pose") else ["pose.mean_pose"]
        if missing:
            raise ValueError(f"{own} has pose_size, but of HasPose lacks {', '.join(missing)}: add what is missing")
