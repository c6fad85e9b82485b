"""The settings of a training run. Their defaults are those of the published experiment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    arch: str = "lstm"
    vocabulary: int = 1000  # ids from 0 on, the four special ones included
    length: int = 100  # words of a review that are read: the last ones
    skip_top: int = 0  # so many of the smallest ids are treated as unknown
    batch_size: int = 32
    epochs: int = 10
    validation_split: float = 0.2
    optimizer: str = "adam"
    learning_rate: float | None = None  # None: the optimizer's own
    global_clipnorm: float | None = None  # None: no clipping
    seed: int = 0
    backend: str = "cpu"
    synthetic: bool = False
    out: str = "runs"

    def __post_init__(self) -> None:
        for name, least in (
            ("vocabulary", 4),
            ("length", 1),
            ("skip_top", 0),
            ("batch_size", 1),
            ("epochs", 1),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.validation_split < 1:
            raise ValueError(f"validation_split must be at least 0 and below 1, got {self.validation_split}")
