"""What methods say of themselves, in words: a record holds short names and numbers."""

from collections.abc import Callable, Mapping
from typing import Any

CAVEATS: dict[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "pose_without_prior": lambda size, facts: (
        f"u has no prior: its {size} numbers cost no KL, there is no bound, samples are in the mean pose"
    ),
    "singular_mean_pose": lambda _, facts: (
        "the mean pose is all but singular: what is shown in it is a few pixels of y'"
    ),
    "restarted_at": lambda nats, facts: f"restarts: {facts['restarts']}, as z carried {nats:.2f} nats at first",
    "collapsed_at": lambda nats, facts: f"ends in a bad minimum: z carries {nats:.2f} nats",
    "below_floor": lambda missed, facts: (
        f"accuracy on fresh draws is below the floor of {missed['floor']:g} in {', '.join(missed['searches'])}"
    ),
    "no_imagenet_weights": lambda file, facts: (
        f"perceptual loss in features of its own classifier: no ImageNet weights {file} here"
    ),
    "loss_weights_left": lambda share, facts: (
        f"the decoder's {facts['loss_weights_reached']['steps']} steps end before its loss weights have fallen ({share:.0%} left): "
        "lower fall_steps"
    ),
}


def worded_caveats(facts: Mapping[str, Any]) -> list[str]:
    """A line for each caveat among a record's facts; what is worded already, in old records and by plug-ins, stays as it is."""
    caveats = facts.get("caveats") or ()
    if isinstance(caveats, Mapping):
        return [_worded(name, value, facts) for name, value in caveats.items()]
    return [str(one) for one in caveats] if isinstance(caveats, list | tuple) else [str(caveats)]


def _worded(name: str, value: Any, facts: Mapping[str, Any]) -> str:
    """In our words; by its name where it is not ours, or has not the numbers that ours has."""
    try:
        return CAVEATS[name](value, facts)
    except (KeyError, TypeError, ValueError):
        return f"{name}: {value}"
