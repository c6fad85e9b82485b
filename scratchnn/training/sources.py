"""What fit, evaluate and predict were given, checked, as a source of batches."""

from collections.abc import Callable, Iterator
from typing import Any

from scratchnn.core.arrays import comes_in_parts
from scratchnn.training import batches, examples, on_disk
from scratchnn.training.batches import Arrays, Source
from scratchnn.training.epoch import Batch
from scratchnn.training.progress import Progress
from scratchnn.training.streams import IteratedBatches, stream_of

# Why an argument is refused beside batches.
_OWN = "each batch brings its own"
_BESIDE_BATCHES = {
    "y": _OWN,
    "sample_weight": _OWN,
    "batch_size": "a batch has the rows that it comes with",
    "validation_batch_size": "a batch has the rows that it comes with",
    "validation_split": "hold some out yourself, as validation_data",
    "initial_state": "how many rows there are is not known before; call predict for each batch",
}


def to_train(
    model: Any, x: Any, y: Any, sample_weight: Any, class_weight: Any, batch_size: Any, steps: Any, share: Any
) -> tuple[Source, Batch | None]:
    """What to train on, and what of it is held out."""
    if comes_in_parts(x):
        _refuse(x, y=y, sample_weight=sample_weight, batch_size=batch_size, validation_split=share or None)
        return stream_of(x, _taker(model, class_weight), steps, whole=True), None
    data = examples.check_metrics(model, examples.checked(model, x, y, sample_weight))
    data, held = examples.hold_out(model, data, share)
    data = examples.weighted_by_class(model, data, class_weight)  # which, as in Keras, validation is not
    source = Arrays(examples.in_memory(model.backend, data), batches.size_of(batch_size, steps, len(data[0])))
    batches.check_steps(steps, len(source))
    return source, held


def to_validate(
    model: Any, given: Any, held: Batch | None, batch_size: Any, own_size: Any, steps: Any
) -> Source | None:
    """What to validate on. `batch_size` is that of training, `own_size` the one asked for here."""
    if comes_in_parts(given):
        _refuse(given, validation_batch_size=own_size)
        return stream_of(given, _taker(model), steps)
    size = batch_size if own_size is None else own_size
    if given is not None:
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            several = isinstance(given, tuple | list)
            what = f"{type(given).__name__} of {len(given)}" if several else type(given).__name__
            raise ValueError(f"validation_data must be (x, y) or (x, y, sample_weight), got a {what}")
        held = examples.check_metrics(model, examples.checked(model, *given))
    if held is None:
        batches.size_of(size, steps, 1)  # a wrong one is refused even so
        return None
    return _cut(examples.in_memory(model.backend, held), size, steps)


def to_measure(model: Any, x: Any, y: Any, sample_weight: Any, batch_size: Any, steps: Any) -> Source:
    if comes_in_parts(x):
        _refuse(x, y=y, sample_weight=sample_weight, batch_size=batch_size)
        return stream_of(x, _taker(model), steps)
    data = examples.check_metrics(model, examples.checked(model, x, y, sample_weight))
    return _cut(examples.in_memory(model.backend, data), batch_size, steps)


def to_predict(model: Any, x: Any, batch_size: Any, steps: Any, initial_state: Any) -> Source:
    if comes_in_parts(x):
        _refuse(x, batch_size=batch_size, initial_state=initial_state)
        return stream_of(x, lambda x, y=None, sample_weight=None: (model.check_input(x), None, None), steps)
    x = examples.one_input(model, x)
    return _cut((on_disk.taken(x, model.check_input, model.backend), None, None), batch_size, steps)


def check_that_it_lasts(x: Any, steps: Any, times: int, what: str, progress: Progress) -> None:
    """Raise ValueError for a generator that can only be gone through once, but is to be more often, or from within.

    Args:
        times: how often to go through it.
        what: the name of the argument `steps`.
    """
    if not comes_in_parts(x) or (hasattr(x, "__getitem__") and hasattr(x, "__len__")):
        return
    if isinstance(x, Iterator) and steps is None and times > 1:
        raise ValueError(
            f"a {type(x).__name__} can be gone through once, and not for each of {times} epochs: give {what}, how many "
            "of its batches an epoch has, or give arrays or a scratchnn.utils.PyDataset"
        )
    if what == "steps_per_epoch" and progress.step:
        raise ValueError(
            f"training stands after step {progress.step} of an epoch, and a {type(x).__name__} cannot be asked for "
            "the batches from there on: give a scratchnn.utils.PyDataset, or a Progress of whole epochs"
        )


def check_states(
    model: Any, source: Source, validation: Source | None = None, *, shuffle: bool = False, initial_state: Any = None
) -> Any:
    """Given states, checked; or a ValueError, also where stateful layers cannot take batches that are cut so."""
    counts = [each.rows for each in (source, validation) if each is not None and each.rows is not None]
    if source.rows is None:  # its batches are checked when they come
        return model.check_states(None, [], 1, shuffle=shuffle and not isinstance(source, IteratedBatches))
    return model.check_states(initial_state, counts, source.batch_size, shuffle=shuffle)


def _cut(data: Any, batch_size: Any, steps: Any) -> Arrays:
    """The first `steps` batches, or all."""
    batch_size = batches.size_of(batch_size, steps, len(data[0]))
    return Arrays(batches.first(data, steps, batch_size), batch_size)


def _taker(model: Any, class_weight: Any = None) -> Callable[..., Batch]:
    """Checks the parts of a batch, and brings them into the kernels' memory."""
    has_come = False

    def take(x: Any, y: Any = None, sample_weight: Any = None) -> Batch:
        nonlocal has_come
        data = examples.checked(model, x, y, sample_weight)
        if not has_come:  # the others differ from the first in their number of rows and steps alone
            examples.check_metrics(model, data)
        has_come = True
        return examples.in_memory(model.backend, examples.weighted_by_class(model, data, class_weight))

    return take


def _refuse(x: Any, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name} is refused beside a {type(x).__name__}, which gives batches (x, y) or (x, y, sample_weight): "
                f"{_BESIDE_BATCHES[name]}"
            )
