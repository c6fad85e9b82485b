"""Batches that come one by one: of a generator, of what can be gone through again, of an object that gives batch n.

Only the batch under way is kept, and none is asked for twice: a generator cannot give it again, and what an object of
the user's own gives need not be the same again. So each step's outcome is read at once, on a GPU too, and no step that
was counted is ever taken again. To keep a hundred batches instead would be no use: these are the data that are large.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

from scratchnn.core import checks
from scratchnn.core.warning import warn
from scratchnn.training.batches import Source, order_of

_END = object()


class Stream(Source):
    """Batches that come one by one."""

    asks_once = True

    def __init__(self, given: Any, check: Callable[[Any, str], Any]) -> None:
        self.given, self._check = given, check
        self._warned_of = np.geterr()  # the loop is silent about overflows, code of the user's own is not

    def _tell(self, hook: str) -> None:
        with np.errstate(**self._warned_of):
            getattr(self.given, hook, lambda: None)()


class Coming:
    """The batches of an epoch, of which only the one under way is here."""

    def __init__(self, take: Callable[[int], Any], steps: int | None) -> None:
        self._take, self._steps = take, steps
        self._here: tuple[int, Any] = (-1, None)

    def steps(self, first: int) -> Iterator[int]:
        """The numbers of the steps from the first on; the batch of each is here when its number comes."""
        for step in count(first) if self._steps is None else range(first, self._steps):
            batch = self._take(step)
            if batch is _END:
                return
            self._here = step, batch
            yield step

    def __getitem__(self, step: int) -> Any:
        here, batch = self._here
        assert step == here, f"batch {step} is gone, {here} is here"
        return batch


class Items(Stream):
    """Batches by their numbers: `given[n]`, `len(given)`, as those of Keras' PyDataset."""

    def __init__(self, given: Any, check: Callable[[Any, str], Any], steps: Any, *, whole: bool) -> None:
        super().__init__(given, check)
        self._asked, self._whole = steps, whole
        self._count()
        self._batch(0)  # what does not fit is an error before anything is changed

    def _count(self) -> None:
        """How many batches there are now: `on_epoch_end` may have changed it."""
        number = getattr(self.given, "num_batches", None)  # of a PyDataset, which may say another than its length
        number = len(self.given) if number is None else number
        self._there = there = checks.whole_number(f"len({type(self.given).__name__})", number, 1)
        self.steps = there if self._asked is None else checks.whole_number("steps", self._asked, 1)
        if self._whole and self.steps != there:
            raise ValueError(
                f"an epoch goes over all batches of x, which are {there}: steps_per_epoch={self._asked} is refused; "
                "leave it out, or let len(x) be what you want"
            )

    def _batch(self, number: int) -> Any:
        with np.errstate(**self._warned_of):
            item = self.given[number]
        return self._check(item, f"x[{number}]")

    def begin_epoch(self, model: Any, number: int, *, shuffle: bool) -> Coming:
        self._count()
        order = model.backend.to_host(order_of(self._there, model.seed, number, model.backend, shuffle=shuffle))
        self._tell("on_epoch_begin")
        return Coming(lambda step: self._batch(int(order[step])), self.steps)

    def end_epoch(self) -> None:
        self._tell("on_epoch_end")

    def in_order(self) -> Iterator[Any]:
        self._count()
        self._tell("on_epoch_begin")
        steps = self.steps or self._there
        yield from map(self._batch, range(min(steps, self._there)))
        if steps > self._there:
            _warn_of_end(self.given, self._there, steps)
        self._tell("on_epoch_end")


class Flow(Stream):
    """Batches of an iterator; or of an iterable, which each epoch goes through anew, unless `steps` says how far."""

    def __init__(self, given: Any, check: Callable[[Any, str], Any], steps: Any) -> None:
        super().__init__(given, check)
        self.steps = None if steps is None else checks.whole_number("steps", steps, 1)
        self.begins_anew = not isinstance(given, Iterator)
        self._begin()
        if not self._has_next():
            raise ValueError(f"x, a {type(given).__name__}, gives no batch at all; give at least one (x, y)")

    def _begin(self) -> None:
        self._iterator, self._count, self._ended, self._waiting = iter(self.given), 0, False, _END

    def _has_next(self) -> bool:
        if self._waiting is _END and not self._ended:
            with np.errstate(**self._warned_of):
                item = next(self._iterator, _END)
            self._ended = item is _END
            if not self._ended:
                self._count += 1
                self._waiting = self._check(item, f"batch {self._count}")
        return self._waiting is not _END

    def _take(self, step: int) -> Any:
        if not self._has_next():
            if self.steps is not None:
                _warn_of_end(self.given, step, self.steps)
            return _END
        batch, self._waiting = self._waiting, _END
        return batch

    def goes_on(self) -> bool:
        if not self._has_next() and self.begins_anew:
            self._begin()
        return self._has_next()

    def begin_epoch(self, model: Any, number: int, *, shuffle: bool) -> Coming:
        return Coming(self._take, self.steps)

    def in_order(self) -> Iterator[Any]:
        if self.begins_anew and (self._count != 1 or self._waiting is _END):
            self._begin()
        elif not self._has_next():
            raise ValueError(
                f"the {type(self.given).__name__} has ended, after {self._count} batches, and none is left to validate "
                "on: let it give more, or give arrays or a scratchnn.utils.PyDataset, which can be gone through again"
            )
        coming = Coming(self._take, self.steps)
        yield from (coming[step] for step in coming.steps(0))


def _warn_of_end(given: Any, step: int, steps: int) -> None:
    warn(
        f"the {type(given).__name__} ran out of batches after {step} of the {steps} that were asked for; it goes on "
        "with those that there were"
    )


def stream_of(given: Any, take: Callable[..., Any], steps: Any = None, *, whole: bool = False) -> Items | Flow:
    """What gives batches, as a source of them.

    Args:
        given: batches are (x, y) or (x, y, sample_weight); for predict x alone will do.
        take: makes arrays in the kernels' memory of these two or three, checked.
        steps: how many to take; all when None.
        whole: whether steps must be all that there are.

    Raises:
        ValueError: if there is none, or the first one does not fit.
    """
    check = _Check(take)
    if hasattr(given, "__getitem__") and hasattr(given, "__len__"):
        return Items(given, check, steps, whole=whole)
    return Flow(given, check, steps)


class _Check:
    """Makes arrays of what came as a batch, which must be of the kind of the first one."""

    def __init__(self, take: Callable[..., Any]) -> None:
        self._take = take
        self._kinds: tuple[str, list[tuple[str, int]]] | None = None

    def __call__(self, item: Any, name: str) -> Any:
        parts = item if isinstance(item, tuple) else tuple(item) if _is_list_of_arrays(item) else (item,)
        if isinstance(item, dict | str) or not 1 <= len(parts) <= 3:
            got = f"a {type(item).__name__}" + (f" of {len(item)}" if isinstance(item, tuple | list) else "")
            raise ValueError(f"{name} must be a tuple (x, y) or (x, y, sample_weight), got {got}")
        try:
            batch = self._take(*parts)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        kinds = [_kind(part) for part in parts if part is not None]
        first, expected = self._kinds = self._kinds or (name, kinds)
        if kinds != expected:
            raise ValueError(
                f"{name} is {_described(kinds)}, but {first} was {_described(expected)}: all batches need the same "
                "parts, with as many axes and numbers of the same kind"
            )
        return batch


def _is_list_of_arrays(item: Any) -> bool:
    """As PyTorch's DataLoader gives a batch. Other lists are rows."""
    return (
        isinstance(item, list) and 1 <= len(item) <= 3 and all(hasattr(part, "shape") and part.shape for part in item)
    )


def _kind(part: Any) -> tuple[str, int]:
    array = part if isinstance(getattr(part, "dtype", None), np.dtype) else np.asarray(part)
    return ("floats" if array.dtype.kind == "f" else "whole numbers", array.ndim)


def _described(kinds: list[tuple[str, int]]) -> str:
    names = ("x", "y", "sample_weight")
    return ", ".join(f"{name} of {kind} with {ndim} axes" for name, (kind, ndim) in zip(names, kinds, strict=False))
