"""How a model is used and measured, with Keras' names: evaluate, predict."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn import losses, metrics, optimizers
from scratchnn.callbacks.history import EXTRA
from scratchnn.core.attributes import Attributes, heeds_keras_in
from scratchnn.core.backend import Backend
from scratchnn.core.checks import flag
from scratchnn.core.names import is_own, overrides
from scratchnn.core.threads import one_blas_thread
from scratchnn.report.console import Console
from scratchnn.training import batches, diagnosis, sources
from scratchnn.training.batches import Source
from scratchnn.training.hooks import Hooks
from scratchnn.training.sample_weights import Counting

Measured = tuple[Array, Array, Counting]  # y as from `forward_to_loss()`, targets, mask and weights


class Evaluator(Attributes):
    """evaluate and predict, as in Keras. `Model` fills in the methods that raise here."""

    dtype: np.dtype
    backend: Backend
    optimizer: optimizers.Optimizer | None = None
    loss: losses.Loss | None = None
    stop_evaluating: bool = False  # these two end evaluate and predict after the batch under way
    stop_predicting: bool = False
    metric_names: list[Any]
    weighted_metric_names: list[Any]
    _compiled_anew: bool = True  # nothing was trained since compile

    # ---- what a model defines

    penalties: Sequence[Any] = ()  # what regularizers add to the loss

    def with_penalties(self, loss: Any) -> Any:
        """The loss of a batch and all that regularizers add to it."""
        return loss + sum(each.value() for each in self.penalties) if self.penalties else loss

    def take_up_trainable(self) -> None:
        """Train what is `trainable` now, from the next step on."""
        raise NotImplementedError

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

    def predict_row(self, x: Array) -> Array | None:
        """The output for x of one row, unless it takes the way of several."""
        raise NotImplementedError

    def check_states(
        self, initial_state: Any, counts: Sequence[int], batch_size: int, *, shuffle: bool = False
    ) -> dict[str, Any] | None:
        """Given states, checked; or a ValueError, also where so many rows are no whole batches but must be."""
        raise NotImplementedError

    def check_input(self, x: Any) -> Array:
        raise NotImplementedError

    def require_memory(self, shape: tuple[int, ...] | None, *, training: bool) -> None:
        """Raise MemoryError if a batch of this shape certainly does not fit into memory; None is not known yet."""
        raise NotImplementedError

    def y_shape_of(self, x: Array) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def has_several_outputs(self) -> bool:
        raise NotImplementedError

    @property
    def joined_activation(self) -> Any:
        raise NotImplementedError

    @property
    def joins_loss(self) -> bool:
        raise NotImplementedError

    # ---- Keras' methods

    @heeds_keras_in("Model.evaluate")
    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> float | list[float] | dict[str, float]:
        """The loss, and the metrics where there are some: a list, or a dict with `return_dict`.

        With `steps`, over this many batches from the beginning, which are all examples without a `batch_size`.
        """
        return_dict = flag("evaluate", "return_dict", return_dict)
        self._compiled()
        source = sources.to_measure(self, x, y, sample_weight, batch_size, steps)
        if self._compiled_anew:
            self.take_up_trainable()  # only what is trained is penalised
        self.require_memory(source.batch_shape, training=False)
        sources.check_states(self, source)
        hooks = self._hooks(callbacks, verbose, source)
        with one_blas_thread():
            results = self.measure(source, hooks)
        if verbose:
            Console().line("  ".join(f"{key} {value:.4f}" for key, value in results.items()))
        if return_dict:
            return results
        values = list(results.values())
        return values[0] if len(values) == 1 else values

    @heeds_keras_in("Model.predict")
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        *,
        initial_state: Any = None,
        return_state: bool = False,
    ) -> Any:
        """The model's output for every row of x; a list where the model has several outputs.

        `initial_state`: {name of a recurrent layer: its states, a row of each for every row of x}. `return_state`:
        return a pair, the output and such a dict, the states after the last step.

        With `steps`, for the rows of this many batches from the beginning, which are all rows without a `batch_size`.
        On the reference backend a row's last bits depend on its batch, whose size decides the order in which BLAS adds.
        """
        return_state = flag("predict", "return_state", return_state)
        is_plain = batch_size is None and callbacks is None and initial_state is None and not return_state
        if is_plain and (steps is None or (type(steps) is int and steps == 1)) and _is_one_row(x):
            y = self.predict_row(x)
            if y is not None:
                self.stop_predicting = False
                return y
        source = sources.to_predict(self, x, batch_size, steps, initial_state)
        self.require_memory(source.batch_shape, training=False)
        hooks = self._hooks(callbacks, verbose, source)
        given = sources.check_states(self, source, initial_state=initial_state)
        done = 0  # rows
        parts, after = [], []
        self.stop_predicting = False
        hooks.tell("on_predict_begin", {})
        with one_blas_thread():
            for number, (batch, _, _) in enumerate(source.in_order()):
                hooks.tell("on_predict_batch_begin", number, logs={})
                begin = batches.states_of(given, slice(done, done + len(batch)))
                done += len(batch)
                y, _, *states = self.forward(batch, keep_caches=False, initial_state=begin, return_state=return_state)
                parts.append(y)
                after += states
                if hooks.heard("on_predict_batch_end"):
                    hooks.tell("on_predict_batch_end", number, logs={"outputs": self._on_host(parts[-1])})
                if self.stop_predicting:
                    break
        hooks.tell("on_predict_end", {})
        if isinstance(parts[0], tuple):  # y and the states of a last layer with return_state
            y = [self._stacked(output) for output in zip(*parts, strict=True)]
        else:
            y = self._stacked(parts)
        return (y, batches.join_states(after, self.backend)) if return_state else y

    def _stacked(self, parts: Sequence[Any]) -> Any:
        """The outputs of all batches as one array."""
        if len({part.shape[1:] for part in parts}) > 1:
            shapes = ", ".join(str(part.shape) for part in parts[:3])
            raise ValueError(
                f"predict: the outputs of the batches have other lengths, {shapes}, and cannot be one array: "
                "predict each batch by itself, with predict_on_batch"
            )
        return self.backend.to_host(np.concatenate(parts))

    def _on_host(self, outputs: Any) -> Any:
        if isinstance(outputs, tuple):
            return [self.backend.to_host(y) for y in outputs]
        return self.backend.to_host(outputs)

    def _hooks(self, callbacks: Any, verbose: Any, source: Source) -> Hooks:
        """Those of a call that goes over the batches once."""
        return Hooks(callbacks, self, {"verbose": verbose, "epochs": 1, "steps": source.steps})

    def measure(self, source: Source, hooks: Hooks) -> dict[str, float]:
        """Loss and metrics over all batches.

        Each batch's loss counts in proportion to its number of examples, as Keras reports it; without masks and weights
        that is the mean over all examples.
        """
        loss_function, forward = self.joined_loss, self.forward_to_loss()
        running = self.fresh_metrics()
        total, seen = 0.0, 0

        def results() -> dict[str, float]:
            loss = self.with_penalties(total / seen)
            return {"loss": float(loss)} | {metric.name: metric.number() for metric in running}

        self.stop_evaluating = False
        hooks.tell("on_test_begin", {})
        for number, (x, y, weight) in enumerate(source.in_order()):
            hooks.tell("on_test_batch_begin", number, logs={})
            if hooks.heard("on_test_batch_begin") or hooks.heard("on_test_batch_end"):
                loss_function, forward = self.joined_loss, self.forward_to_loss()  # which a callback may change
            y_batch, caches = forward(x, keep_caches=False)
            counting = Counting(getattr(caches, "mask", None), weight)
            loss, _ = losses.weighted(loss_function, y_batch, y, counting.of_loss(y_batch, y, loss_function))
            diagnosis.check_is_number(loss_function, loss)
            total += loss * len(y_batch)
            seen += len(y_batch)
            if running:
                self.count_metrics(running, [(y_batch, y, counting)])
            if hooks.heard("on_test_batch_end"):
                hooks.tell("on_test_batch_end", number, logs=results())
            if self.stop_evaluating:
                break
        found = results()
        self.hand_over(running)
        hooks.tell("on_test_end", found)
        return found

    # ---- loss and metrics

    def _compiled(self) -> tuple[optimizers.Optimizer, losses.Loss]:
        if self.optimizer is None or self.loss is None:
            raise RuntimeError("call compile(optimizer=..., loss=...) before training or evaluating")
        return self.optimizer, self.loss

    def forward_to_loss(self) -> Callable[..., tuple[Any, ...]]:
        """`forward`, but its y is what `joined_loss` takes. For all batches the same, unless a layer changes."""
        return partial(self.forward, pre_activation=True) if self.joins_loss else self.forward

    @property
    def joined_loss(self) -> losses.Loss:
        """The loss of the y of `forward_to_loss()`."""
        _, loss = self._compiled()
        return loss.of_logits() if self.joins_loss else loss

    def count_metrics(self, running: Sequence[metrics.Metric], batches: Sequence[Measured]) -> None:
        """Count batches, one after another.

        A cross-entropy among the metrics goes through the pre-activation where the loss does, as in Keras.
        """
        joined = self.joined_activation
        outputs = [y for y, _, _ in batches]
        activated = outputs if joined is None else _activated(joined, outputs)
        for metric in running:
            goes_through = joined is not None and metric.joins == joined.name
            goes_through = goes_through and not overrides(type(metric), "update_state")
            may_write = metric.per_batch or is_own(type(metric))
            for (y, y_true, counting), y_pred in zip(batches, activated, strict=True):
                weight = counting.of_metric(y, weighted=metric.weighted, masked=metric.masked)
                if goes_through:
                    metric.update_from_logits(y_true, y, weight)
                    continue
                given = (y_true.copy(), y_pred.copy()) if may_write else (y_true, y_pred)
                if weight is None:
                    metric.update_state(*given)
                else:
                    metric.update_state(*given, sample_weight=weight)

    def fresh_metrics(self) -> list[metrics.Metric]:
        """The metrics of this model, with nothing counted yet.

        Raises:
            ValueError: for an unknown name, and for a name that other results have. Of two with one name the second
                is numbered, as in Keras: mae, mae_1; or weighted_mae, where it stands among the weighted ones.
        """
        self._compiled()
        found, taken = [], {"loss", *EXTRA}
        for prefix, identifiers in (("", self.metric_names), ("weighted_", self.weighted_metric_names)):
            for identifier in identifiers:
                metric = metrics.get(identifier)
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

    def hand_over(self, counted: Sequence[metrics.Metric]) -> None:
        """Let the metric objects that `compile` was given hold what was counted, as in Keras: their `result()`.

        Not those of the user's own, which may lack a `reset_state`: fresh ones are made from them as they were given.
        """
        for given, metric in zip([*self.metric_names, *self.weighted_metric_names], counted, strict=True):
            if isinstance(given, metrics.Metric) and not is_own(type(given)):
                given.load_state(metric.state())

    def own_metrics(self) -> list[str]:
        """The names of the metrics that a file cannot hold."""
        names = self.metric_names + self.weighted_metric_names
        return [metrics.get(each).name for each in names if metrics.description(each) is None]


def _is_one_row(x: Any) -> bool:
    return type(x) is np.ndarray and x.shape[:1] == (1,)


def _activated(activation: Any, outputs: Sequence[Array]) -> list[Array]:
    """The activation of each batch, in one call for all: a call costs more than the few numbers of a batch."""
    if len(outputs) == 1 or len({y.shape[1:] for y in outputs}) > 1:
        return [activation.forward(y) for y in outputs]
    whole = activation.forward(np.concatenate(outputs))
    ends = accumulate(map(len, outputs), initial=0)
    return [whole[begin:end] for begin, end in pairwise(ends)]


def _new_name(name: str, prefix: str, taken: set[str]) -> str:
    """As in Keras: name, then name_1; weighted metrics are name or weighted_name, then weighted_name_1."""
    if name not in taken:
        return name
    name, number = prefix + name, 0 if prefix else 1
    while (numbered := f"{name}_{number}" if number else name) in taken:
        number += 1
    return numbered
