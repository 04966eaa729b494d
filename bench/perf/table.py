"""Loops side by side as a table: times, ratios with their spread, and whether the losses agree."""

from collections.abc import Sequence
from statistics import median

from bench.perf.peers import Timed

OURS, OF_VAE = "ours, fp32", "vae, ours fp32"
AGREE_FP32 = 0.01
AGREE_BF16 = 0.02
"""Relative difference of the last epoch's mean loss that counts as agreement: order and noise differ, and bf16 rounds."""


def ratios(base: Sequence[float], others: Sequence[float]) -> list[float]:
    """How many times faster each round is; of the medians alone where one has other rounds."""
    if len(base) != len(others):
        return [median(base) / median(others)]
    return [a / b for a, b in zip(base, others, strict=True)]


def spread(found: Sequence[float]) -> str:
    """Their median, and from where to where they go."""
    return f"{median(found):.2f} ({min(found):.2f}-{max(found):.2f})"


def ratio(base: Timed, other: Timed) -> float:
    """The median of the rounds' ratios."""
    return median(ratios(base.seconds, other.seconds))


def tell(loops: list[Timed]) -> int:
    """A line a loop; the median of the ratios to the first loop's epoch of the same round; whether the losses agree.

    The VAE's beside another method is another model's: its loss agrees with nothing, and its time is what the method's is a multiple of.
    """
    base, status = loops[0], 0
    print(f"{'loop':<24} {'s/epoch':>8} {'min':>7} {'max':>7} {'ratio (min-max)':>18}  last epoch's loss")
    for timed in loops:
        agrees, verdict = _judged(timed, base)
        status = status if agrees else 1
        print(
            f"{timed.name:<24} {timed.median:8.3f} {min(timed.seconds):7.3f} {max(timed.seconds):7.3f} "
            f"{spread(ratios(base.seconds, timed.seconds)):>18}  {timed.loss:.2f} {verdict}"
        )
    named = {timed.name: timed for timed in loops}
    if OF_VAE in named:
        print(f"step: {spread(ratios(named[OURS].seconds, named[OF_VAE].seconds))} times the vae's (fp32)")
    return status


def _judged(timed: Timed, base: Timed) -> tuple[bool, str]:
    """Whether a loop's loss agrees with the first one's, in words as well."""
    if timed is base or timed.name == OF_VAE:
        return True, "" if timed is base else "another model"
    allowed = AGREE_BF16 if "bf16" in timed.name else AGREE_FP32
    gap = abs(timed.loss - base.loss) / abs(base.loss)
    if gap <= allowed:
        return True, f"agrees to {gap:.2%}"
    return False, f"DIFFERS by {gap:.2%} (allowed {allowed:.1%})"  # NaN agrees with nothing
