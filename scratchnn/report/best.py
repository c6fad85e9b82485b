"""Which epoch is the best one. Table, picture, files and tests all mean this one."""

import math
from collections.abc import Iterable
from typing import SupportsFloat


def best_epoch(val_loss: Iterable[SupportsFloat]) -> int | None:
    """Return the epoch of the lowest validation loss, the first of equal ones, counted from 1.

    None where no epoch has a finite one: without validation no epoch is better than another.
    """
    losses = [float(loss) if math.isfinite(loss) else math.inf for loss in val_loss]
    least = min(losses, default=math.inf)
    return None if least == math.inf else losses.index(least) + 1
