"""The training budget that every row of a suite gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from bench.config.choices import OPTIMISERS, Precision
from bench.runtime.errors import nearest

if TYPE_CHECKING:
    from torch.optim import Optimizer


def _known_optimiser(name: str) -> str:
    if name not in OPTIMISERS:
        raise ValueError(nearest(name, OPTIMISERS, "optimiser"))
    return name


class Budget(BaseModel):
    """learning_rate is the optimiser's own where none is stated. precision: fp32, or bf16 for the layers' products."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    epochs: int = Field(ge=1)
    batch: int = Field(default=128, ge=1)
    optimiser: Annotated[str, AfterValidator(_known_optimiser)] = "adam"
    learning_rate: float = Field(default=None, validate_default=True, gt=0, lt=float("inf"))
    precision: Precision = "fp32"

    @field_validator("learning_rate", mode="before")
    @classmethod
    def _rate_of_the_optimiser(cls, value: Any, info: ValidationInfo) -> Any:
        return OPTIMISERS[info.data.get("optimiser", "adam")].learning_rate if value is None else value

    def changed(self, **changes: Any) -> Budget:
        """With what is not None among the changes. Another optimiser brings its own learning rate: the one here was for this one."""
        kept = self.model_dump()
        if changes.get("optimiser") not in (None, self.optimiser):
            del kept["learning_rate"]
        return Budget(**kept | {name: value for name, value in changes.items() if value is not None})

    def make_optimiser(self, parameters: Any, learning_rate: Any, capturable: bool) -> Optimizer:
        """The optimiser of these parameters. learning_rate: a number, or a tensor that falls."""
        return OPTIMISERS[self.optimiser].make(parameters, learning_rate, capturable)
