"""How a model is trained and used, with Keras' names: compile, fit, evaluate, predict.

It asks the model for a forward and a backward pass and knows nothing of layers. The loop itself is in `epoch.py`.
"""

import warnings
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scratchnn_kernels.contract import Array

from scratchnn import losses, metrics, optimizers
from scratchnn.callbacks import Callback
from scratchnn.core.arrays import as_numbers
from scratchnn.core.backend import Backend
from scratchnn.core.checks import whole_number
from scratchnn.core.randomness import Seed
from scratchnn.core.threads import one_blas_thread
from scratchnn.report.console import Console
from scratchnn.training import batches, diagnosis, weights
from scratchnn.training.ahead import Ahead, Snapshot
from scratchnn.training.epoch import Batch
from scratchnn.training.progress import EXTRA, Clock, History, Progress
from scratchnn.training.session import Session
from scratchnn.training.weights import Counting


class Trainer:
    """compile, fit, evaluate, predict, as in Keras. `Model` fills in the methods that raise here."""

    built: bool
    seed: Seed
    clock: Clock
    dtype: np.dtype
    backend: Backend
    optimizer: optimizers.Optimizer | None = None
    loss: losses.Loss | None = None
    stop_training: bool = False
    before_step: Snapshot

    # ---- what a model defines

    flat_params: Float[Array, " P"]  # all parameters, one vector
    segments: list[slice]  # where each parameter is in it

    def forward(
        self,
        x: Array,
        *,
        training: bool = False,
        epoch: int = 0,
        step: int = 0,
        keep_caches: bool = True,
        pre_activation: bool = False,
        initial_state: Any = None,
        return_state: bool = False,
    ) -> tuple[Any, ...]:
        raise NotImplementedError

    def activate(self, y: Array) -> Array:
        raise NotImplementedError

    def backward(self, dy: Any, caches: list[Any]) -> tuple[Any, ...]:
        raise NotImplementedError

    def check_states(
        self, initial_state: Any, counts: Sequence[int], batch_size: int, *, shuffle: bool = False
    ) -> dict[str, Any] | None:
        """Given states, checked; or a ValueError, also where so many rows are no whole batches but must be."""
        raise NotImplementedError

    def check_input(self, x: Any) -> Array:
        raise NotImplementedError

    # ---- Keras' methods

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        *,
        weighted_metrics: Any = None,
    ) -> None:
        """Choose what to minimise and how: names or objects. In `weighted_metrics` sample weights count as well."""
        if loss is None:
            raise ValueError("compile needs a loss, for instance loss='binary_crossentropy'")
        self.optimizer = optimizers.get(optimizer)
        self.loss = losses.get(loss).on(self.backend.kernels)
        if self.loss.reduction in ("none", None):
            raise ValueError(
                f"the loss {self.loss.name} has reduction={self.loss.reduction!r} and gives one number for each "
                "example; training needs one for all: 'sum_over_batch_size', 'sum' or 'mean_with_sample_weight'"
            )
        self.metric_names, self.weighted_metric_names = _listed(metrics), _listed(weighted_metrics)
        self.running_metrics()  # an unknown name is an error here, not later

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, as plain values; None before it was called."""
        if self.optimizer is None or self.loss is None:
            return None
        return {
            "optimizer": self.optimizer.get_config(),
            "loss": self.loss.get_config(),
            "metrics": _described(self.metric_names),
            "weighted_metrics": _described(self.weighted_metric_names),
        }

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        *,
        progress: Progress | None = None,
        console: Console | None = None,
    ) -> History:
        """Train. The order of the batches depends on the model's seed and its count of epochs only.

        The model counts its epochs over all calls (`model.clock`), so two calls train like one that is as long.

        Args:
            initial_epoch: the number of the first epoch, counted from 0, for the table, callbacks and `History`. Other
                than 0, it sets the model's count too.
            validation_split: the share at the END of x and y that is held out, before any shuffling.
            validation_data: (x, y) or (x, y, sample_weight).
            class_weight: {class number: weight} of the loss of its examples; 1 for a class that is not named. It does
                not act on validation.
            sample_weight: the weight of each example (N,) or, for outputs (N, T, D), of each step (N, T).
            progress: where to continue from; it is kept up to date, also when an error or Ctrl-C ends training.
            console: where rows are printed; by default the standard output, unless `verbose` is 0.

        Raises:
            ValueError: for data that do not fit, before anything is changed.
            NonFiniteError: when the loss is NaN or infinite, or a gradient or a weight would be too large (see
                `diagnosis.LARGEST`), naming layer and step; the model is the one before that step.
            KeyboardInterrupt: after Ctrl-C, once the step under way is finished.
        """
        self._compiled()
        batch_size = 32 if batch_size is None else batch_size  # Keras' default
        batches.check_sizes(batch_size, epochs)
        if whole_number("initial_epoch", initial_epoch, 0) > epochs:
            warnings.warn(
                f"nothing is trained: initial_epoch is {initial_epoch}, and epochs={epochs} is where training ends, "
                "counted from the first of all, not how many to add",
                stacklevel=2,
            )
        data = self._examples(x, y, sample_weight, class_weight)
        self._check_metrics(data)
        examples, validation = self._hold_out(data, validation_split, validation_data)
        counts = [len(part[0]) for part in (examples, validation) if part is not None]
        self.check_states(None, counts, batch_size, shuffle=shuffle)
        self.ready_optimizer()
        progress = Progress(epoch=initial_epoch) if progress is None else progress
        progress.begin(batch_size)
        history = History(progress.records, first=progress.epoch - len(progress.records))
        console = Console(quiet=verbose == 0) if console is None else console
        callbacks = _checked(callbacks)
        Session(self, examples, validation, batch_size, epochs, shuffle, progress, console, callbacks).run()
        return history

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        verbose: Any = "auto",
        sample_weight: Any = None,
        *,
        return_dict: bool = False,
    ) -> float | list[float] | dict[str, float]:
        """The loss, and the metrics where there are some: a list, or a dict with `return_dict`."""
        self._compiled()
        batches.check_sizes(batch_size, 1)
        data = self._in_memory(self._examples(x, y, sample_weight))
        self._check_metrics(data)
        self.check_states(None, [len(data[0])], batch_size)
        with one_blas_thread():
            results = self.measure(data, batch_size)
        if verbose:
            Console().line("  ".join(f"{key} {value:.4f}" for key, value in results.items()))
        if return_dict:
            return results
        values = list(results.values())
        return values[0] if len(values) == 1 else values

    def predict(
        self,
        x: Any,
        batch_size: int = 32,
        verbose: Any = "auto",
        *,
        initial_state: Any = None,
        return_state: bool = False,
    ) -> Any:
        """The model's output for every row of x; a list where the model has several outputs.

        `initial_state`: {name of a recurrent layer: its states, a row of each for every row of x}. `return_state`:
        return a pair, the output and such a dict, the states after the last step.

        On the reference backend a row's last bits depend on its batch, whose size decides the order in which BLAS adds.
        """
        batches.check_sizes(batch_size, 1)
        x = self.check_input(x)
        given, parts, after = self.check_states(initial_state, [len(x)], batch_size), [], []
        with one_blas_thread():
            for rows in batches.slices(len(x), batch_size):
                begin = batches.states_of(given, rows)
                y, _, *states = self.forward(x[rows], keep_caches=False, initial_state=begin, return_state=return_state)
                parts.append(y)
                after += states
        if isinstance(parts[0], tuple):  # y and the states of a last layer with return_state
            y = [self.backend.to_host(np.concatenate(output)) for output in zip(*parts, strict=True)]
        else:
            y = self.backend.to_host(np.concatenate(parts))
        return (y, batches.join_states(after, self.backend)) if return_state else y

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None) -> float:
        """Take one optimizer step, which the model counts, and return the loss before it. Each call draws anew."""
        batch = self._in_memory(self._examples(x, y, sample_weight, class_weight))
        self.ready_optimizer()
        self.check_states(None, [len(batch[0])], len(batch[0]))
        step = self.clock.step
        progress = Progress(self.clock.epoch, step)
        with one_blas_thread(), Ahead(self, {step: batch}, progress, [], every_step=True) as ahead:
            return ahead.take(step)

    def measure(self, data: Batch, batch_size: int) -> dict[str, float]:
        """Loss and metrics over examples that were checked and are in the kernels' memory.

        The loss is the mean over batches by their examples, as Keras reports it; without masks and weights, the mean
        over all.
        """
        x, y, weight = data
        loss_function = self.loss_in_training
        total, running = 0.0, self.running_metrics()
        for rows in batches.slices(len(x), batch_size):
            y_batch, caches = self.forward_to_loss(x[rows], keep_caches=False)
            counting = Counting(getattr(caches, "mask", None), None if weight is None else weight[rows])
            counts = counting.of_loss(y_batch, y[rows], loss_function)
            loss, _ = losses.weighted(loss_function, y_batch, y[rows], counts)
            diagnosis.check_is_number(loss_function, loss)
            total += loss * len(y_batch)
            if running:
                self.count_metrics(running, y_batch, y[rows], counting)
        return {"loss": float(total / len(x))} | {metric.name: metric.number() for metric in running}

    def count_metrics(self, running: Sequence[metrics.Metric], y: Array, target: Array, counting: Counting) -> None:
        """Count a batch, with y as `forward_to_loss` returned them.

        A cross-entropy among the metrics goes through the pre-activation where the loss does, as in Keras.
        """
        joins = self.loss.joins if self.joins_loss and self.loss is not None else None
        activated = y if joins is None else self.activate(y)
        for metric in running:
            weight = counting.of_metric(y, weighted=metric.weighted, masked=metric.masked)
            if joins is not None and metric.joins == joins:
                metric.update_from_logits(target, y, weight)
            elif weight is None:
                metric.update_state(target, activated)
            else:
                metric.update_state(target, activated, sample_weight=weight)

    # ---- checks

    def _compiled(self) -> tuple[optimizers.Optimizer, losses.Loss]:
        if self.optimizer is None or self.loss is None:
            raise RuntimeError("call compile(optimizer=..., loss=...) before training or evaluating")
        return self.optimizer, self.loss

    @property
    def joins_loss(self) -> bool:
        raise NotImplementedError

    def forward_to_loss(self, x: Array, **options: Any) -> tuple[Any, ...]:
        """`forward`, but y is what `loss_in_training` takes."""
        return self.forward(x, **options, pre_activation=True) if self.joins_loss else self.forward(x, **options)

    @property
    def loss_in_training(self) -> losses.Loss:
        """The loss of what `forward_to_loss` returns."""
        _, loss = self._compiled()
        return loss.of_logits() if self.joins_loss else loss

    @property
    def has_ready_optimizer(self) -> bool:
        """Whether the optimizer's slots and count of steps are those of this model's training."""
        optimizer = self.optimizer
        if optimizer is None or optimizer.owner is None or optimizer.owner() is not self:
            return False
        return not self.built or optimizer.size == self.flat_params.size  # a layer may have been added since then

    def ready_optimizer(self) -> None:
        """Allocate the optimizer's slots for the parameters of this model, unless it has them."""
        optimizer, _ = self._compiled()
        if optimizer.owner is None or optimizer.owner() is None or optimizer.size != self.flat_params.size:
            optimizer.init(self.flat_params.size, self.dtype, self.backend)
            optimizer.owner = weakref.ref(self)
            self.before_step = Snapshot()
        elif optimizer.owner() is not self:
            raise ValueError(
                "this optimizer belongs to another model, whose momentum it holds; give each model its own"
            )

    def running_metrics(self) -> list[metrics.Metric]:
        """The metrics of this model, with nothing counted yet.

        Raises:
            ValueError: for an unknown name, and for a name that other results have. Of two with one name the second
                is numbered, as in Keras: mae, mae_1; or weighted_mae, where it stands among the weighted ones.
        """
        loss, found, taken = self._compiled()[1], [], {"loss", *EXTRA}
        for prefix, identifiers in (("", self.metric_names), ("weighted_", self.weighted_metric_names)):
            for identifier in identifiers:
                metric = metrics.get(identifier, loss)
                metric.weighted = bool(prefix)
                if metric.name in ("loss", *EXTRA):
                    raise ValueError(
                        f"a metric called {metric.name!r} would hide another result of that name: it needs a name of "
                        "its own, none of " + ", ".join(("loss", *EXTRA))
                    )
                metric.name = _new_name(metric.name, prefix, taken)
                taken.add(metric.name)
                found.append(metric)
        return found

    def own_metrics(self) -> list[str]:
        """The names of the metrics that a file cannot hold."""
        names = self.metric_names + self.weighted_metric_names
        return [metrics.get(each, self._compiled()[1]).name for each in names if metrics.description(each) is None]

    def _check_metrics(self, data: Batch) -> None:
        """Raise ValueError for a metric that cannot count these outputs and targets, before anything is trained."""
        for metric in self.running_metrics():
            metric.check(self.y_shape_of(data[0]), data[1].shape)

    def _examples(self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None) -> Batch:
        """x, y and weights as arrays that fit the model and the loss, each checked once, here; x in kernels' memory."""
        _, loss = self._compiled()
        x, y = self.check_input(x), self.backend.to_host(y)
        y = y if y is None else as_numbers("y", y)
        batches.check_lengths(x, y)
        if self.has_several_outputs:
            raise ValueError(
                "a loss needs one output, but the last layer returns its states too: choose one with Model(x, y)"
            )
        if self.joins_loss and getattr(loss, "from_logits", False):
            warnings.warn(
                f"{loss.name} has from_logits=True, but the model ends in {loss.joins}: the loss takes what enters it. "
                f"Leave out from_logits, or the {loss.joins}",
                stacklevel=3,
            )
        y_shape = self.y_shape_of(x)
        y = loss.validate(y_shape, y, self.dtype)
        if class_weight is not None and sample_weight is not None:
            raise ValueError("give class_weight or sample_weight, not both: multiply the classes' weights in yourself")
        if class_weight is not None:
            sample_weight = weights.of_classes(class_weight, y, y_shape, loss)
        return x, y, weights.checked(sample_weight, y_shape, self.dtype)

    def _in_memory(self, data: Batch) -> Batch:
        """The same in the kernels' memory."""
        x, y, weight = data
        weight = None if weight is None else self.backend.array(weight, weight.dtype)
        return x, self.backend.array(y, y.dtype), weight

    def _hold_out(self, data: Batch, share: float, given: Any) -> tuple[Batch, Batch | None]:
        """What to train on and what to validate on, in the kernels' memory. As in Keras, `given` overrides `share`."""
        classes = len(np.unique(data[1]))
        data, validation = batches.split(data, 0.0 if given is not None else share)
        if given is not None:
            if not isinstance(given, tuple | list) or len(given) not in (2, 3):
                several = isinstance(given, tuple | list)
                what = f"{type(given).__name__} of {len(given)}" if several else type(given).__name__
                raise ValueError(f"validation_data must be (x, y) or (x, y, sample_weight), got a {what}")
            validation = self._examples(*given)
        if validation is not None:
            y_held = validation[1]
            if len(np.unique(y_held)) == 1 and classes > 1:
                warnings.warn(
                    f"every label of the {len(y_held):,} validation examples is {y_held.flat[0]:g}: "
                    "the last examples are held out as they are, so shuffle x and y together first",
                    stacklevel=3,
                )
            validation = self._in_memory(validation)
        return self._in_memory(data), validation

    def y_shape_of(self, x: Array) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def has_several_outputs(self) -> bool:
        raise NotImplementedError


def _checked(callbacks: Any) -> list[Callback]:
    """The callbacks as a list; as in Keras, one may come alone."""
    given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or [])
    for each in given:
        if not isinstance(each, Callback):
            hint = f": call it, {each.__name__}()" if isinstance(each, type) else ""
            raise TypeError(f"callbacks must be objects derived from scratchnn.callbacks.Callback, got {each!r}{hint}")
    return given


def _listed(given: Any) -> list[Any]:
    """Metrics as a list; as in Keras, lists in it are no others."""
    if isinstance(given, dict) and "class" not in given:
        raise TypeError("a model has one output, so its metrics are a list, not a dict by the names of outputs")
    if isinstance(given, list | tuple):
        return [each for inner in given for each in _listed(inner)]
    if isinstance(given, type) and issubclass(given, metrics.Metric):
        return [given()]  # as in Keras; once, because it is numbered
    return [] if given is None else [given]


def _described(identifiers: list[Any]) -> list[Any]:
    """What a file says of the metrics; those of the user's own are left out."""
    return [each for each in map(metrics.description, identifiers) if each is not None]


def _new_name(name: str, prefix: str, taken: set[str]) -> str:
    """As in Keras: name, then name_1; weighted metrics are name or weighted_name, then weighted_name_1."""
    if name not in taken:
        return name
    name, number = prefix + name, 0 if prefix else 1
    while (numbered := f"{name}_{number}" if number else name) in taken:
        number += 1
    return numbered
