"""How a model is trained, with Keras' names: compile, fit. `evaluator.py` has evaluate and predict.

It asks the model for a forward and a backward pass, and imports no layers. The loop itself is in `epoch.py`.
"""

import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from scratchnn_kernels.contract import Array
from scratchnn_kernels.shapes import Float

from scratchnn import losses, metrics, optimizers
from scratchnn.callbacks.history import History
from scratchnn.core import randomness
from scratchnn.core.attributes import heeds_keras_in
from scratchnn.core.checks import flag, shuffles, whole_number
from scratchnn.core.threads import one_blas_thread
from scratchnn.core.warning import warn
from scratchnn.report.console import Console
from scratchnn.training import batches, examples, sources
from scratchnn.training.ahead import Ahead, Snapshot
from scratchnn.training.alone import training_alone
from scratchnn.training.evaluator import Evaluator
from scratchnn.training.hooks import Hooks
from scratchnn.training.keeping import keeper_of
from scratchnn.training.progress import Clock, Progress
from scratchnn.training.session import Session


def _made(what: str, base: type, value: Any) -> Any:
    """The value, if it is what `compile` makes of a name."""
    if not isinstance(value, base):
        hint = "" if what == "clock" else "; compile takes names"
        raise TypeError(f"model.{what} takes {base.__name__} objects, got {value!r}{hint}")
    return value


class Trainer(Evaluator):
    """compile, fit, evaluate, predict, as in Keras. `Model` fills in the methods that raise here."""

    checks: ClassVar = {
        "optimizer": partial(_made, "optimizer", optimizers.Optimizer),
        "loss": partial(_made, "loss", losses.Loss),
        "clock": partial(_made, "clock", Clock),
        "built": partial(flag, "model", "built"),
        "seed": randomness.checked,
    }
    built: bool
    seed: randomness.Seed
    clock: Clock
    stop_training: bool = False  # ends fit after the batch under way
    history: History | None = None  # of the last call of fit
    before_step: Snapshot
    _in_fit: bool = False
    _in_epoch: bool = False  # of fit: between two of its steps
    _trained_by: int | None = None  # the thread that is in `fit` or `train_on_batch`

    # ---- what a model defines

    trainable_params: Float[Array, " P"]  # all parameters that are trained, one vector
    segments: list[slice]  # where each of them is in it

    @property
    def trainable_has_changed(self) -> bool:
        raise NotImplementedError

    def count_params(self) -> int:
        raise NotImplementedError

    def trainable_sizes(self) -> dict[str, int]:
        raise NotImplementedError

    def _share_vectors(self, trained: list[list[str]] | None = None) -> None:
        raise NotImplementedError

    def backward(self, dy: Any, caches: list[Any]) -> tuple[Any, ...]:
        raise NotImplementedError

    def _find_place(self, filepath: str) -> Any:
        raise NotImplementedError

    def _identity(self) -> dict[str, Any]:
        raise NotImplementedError

    def _write_place(
        self, progress: Progress, filepath: str, begun: dict[str, Any] | None, *, keep_previous: bool
    ) -> None:
        raise NotImplementedError

    # ---- Keras' methods

    @heeds_keras_in("Model.compile")
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        *,
        weighted_metrics: Any = None,
    ) -> None:
        """Choose what to minimise and how: names or objects. In `weighted_metrics` sample weights count as well."""
        self.require_no_fit("model.compile")
        if loss is None:
            raise ValueError("compile needs a loss, for instance loss='binary_crossentropy'")
        self.optimizer = optimizers.get(optimizer)
        self.loss = losses.get(loss).on(self.backend.kernels)
        if self.loss.reduction in ("none", None):
            raise ValueError(
                f"the loss {self.loss.name} has reduction={self.loss.reduction!r} and gives one number for each "
                "example; training needs one for all: 'sum_over_batch_size', 'sum' or 'mean_with_sample_weight'"
            )
        self.metric_names, self.weighted_metric_names = (_listed(each) for each in (metrics, weighted_metrics))
        self.fresh_metrics()  # an unknown name is an error here, not later
        self._compiled_anew = True

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

    @heeds_keras_in("Model.fit")
    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        progress: Progress | None = None,
        console: Console | None = None,
        checkpoint: Any = None,
        every_steps: int | None = None,
        every_seconds: Any = None,
    ) -> History:
        """Train. The order of the batches depends on the model's seed and its count of epochs only.

        The model counts its epochs over all calls (`model.clock`), so two calls train like one that is as long.

        x may also be a generator or another iterable of batches (x, y) or (x, y, sample_weight), an object that gives
        batch n (`utils.PyDataset`), or an array on disk; docs/data.md says more.

        Args:
            initial_epoch: the number of the first epoch, counted from 0, for the table, callbacks and `History`. Other
                than 0, it sets the model's count too.
            callbacks: objects derived from `Callback`, one or a list; see `scratchnn.callbacks`.
            steps_per_epoch: without a batch_size, how many batches all examples are cut into. With one it must be the
                number of their batches: an epoch goes over all examples. Of a generator, how many batches an epoch has.
            shuffle: True: new order of the examples, or of a PyDataset's batches, for each epoch; a generator has its
                own. Or False.
            validation_steps: validate on this many batches from the beginning; all of them when None. Without a batch
                size it is how many batches all of the validation data are cut into.
            validation_batch_size: `batch_size` when None.
            validation_freq: validate after every epoch whose number, counted from 1, it divides or contains.
            validation_split: the share at the END of x and y that is held out, before any shuffling.
            validation_data: (x, y) or (x, y, sample_weight), or what gives such batches.
            class_weight: {class number: weight} of the loss of its examples; 1 for a class that is not named. It does
                not act on validation.
            sample_weight: the weight of each example (N,) or, for outputs (N, T, D), of each step (N, T).
            progress: where to continue from; it is kept up to date, also when an error or Ctrl-C ends training.
            console: where rows are printed; by default the standard output, unless `verbose` is 0.
            checkpoint: a file in which training is kept: all that going on needs, at the end of each epoch, and within
                one, and when Ctrl-C, SIGTERM or SIGHUP ends it. If the file is there, with the training of this model,
                the call goes on from it, to the same bits, and says so; the one before is used where it is damaged.
                With `progress` the file is written only.
            every_steps, every_seconds: how often within an epoch; every 60 seconds if neither is given.

        Raises:
            ValueError: for data that do not fit, and a checkpoint of another model, before anything is changed.
            StorageError: if the checkpoint cannot be read, nor the one before.
            NonFiniteError: when the loss is NaN or infinite, or a gradient or a weight would be too large (see
                `diagnosis.LARGEST`), naming layer and step; the model is the one before that step.
            MemoryError: if a batch certainly needs more than there is, with the batch size that would fit.
            RuntimeError: while another thread trains this model.
            KeyboardInterrupt: after Ctrl-C, once the step under way is finished.
        """
        self._compiled()
        if self._in_epoch:
            raise RuntimeError(
                "fit was called between two steps of another fit of this model, by a callback or a metric. Call it in "
                "on_epoch_end, or take single steps with train_on_batch"
            )
        batches.check_sizes(32 if batch_size is None else batch_size, epochs)
        if whole_number("initial_epoch", initial_epoch, 0) > epochs:
            warn(
                f"nothing is trained: initial_epoch is {initial_epoch}, and epochs={epochs} is where training ends, "
                "counted from the first of all, not how many to add",
            )
        shuffle = shuffles(shuffle)
        validates = batches.validates_after(validation_freq)
        keeper = keeper_of(self, callbacks, checkpoint, every_steps, every_seconds)
        if progress is None:
            progress = Progress(epoch=initial_epoch) if keeper is None else keeper.find(initial_epoch)
        sources.check_that_it_lasts(x, steps_per_epoch, epochs - progress.epoch, "steps_per_epoch", progress)
        validations = sum(map(validates, range(progress.epoch, epochs)))
        sources.check_that_it_lasts(validation_data, validation_steps, validations, "validation_steps", progress)
        share = 0.0 if validation_data is not None else validation_split  # as in Keras
        source, held = sources.to_train(self, x, y, sample_weight, class_weight, batch_size, steps_per_epoch, share)
        validation = sources.to_validate(
            self, validation_data, held, batch_size, validation_batch_size, validation_steps
        )
        params = {"verbose": verbose, "epochs": epochs, "steps": source.steps}
        hooks = Hooks(callbacks, self, params, skips_validation=validation_freq != 1)
        sources.check_states(self, source, validation, shuffle=shuffle)
        self.require_memory(source.batch_shape, training=True)
        if validation is not None:
            self.require_memory(validation.batch_shape, training=False)
        with training_alone(self, "fit"):
            self._begin_training()
            progress.begin(source.batch_size, source.steps)
            console = Console(quiet=verbose == 0) if console is None else console
            if keeper is not None:
                keeper.begin(progress, hooks, source, epochs, console)
            given = [each for each in hooks.callbacks if isinstance(each, History)]
            self.history = history = given[-1] if given else History()
            history.records, history.findings = progress.records, progress.findings
            history.first = progress.epoch - len(progress.records)
            history.set_model(self)
            history.set_params(params)
            Session(self, source, validation, epochs, shuffle, progress, console, hooks, validates, keeper).run()
        return history

    @heeds_keras_in("Model.train_on_batch")
    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None) -> float:
        """Take one optimizer step, which the model counts, and return the loss before it. Each call draws anew."""
        self._compiled()
        batch = examples.weighted_by_class(self, examples.checked(self, x, y, sample_weight), class_weight)
        batch = examples.in_memory(self.backend, batch)
        self.require_memory(batch[0].shape, training=True)
        with training_alone(self, "train_on_batch"), one_blas_thread():
            self._begin_training()
            self.check_states(None, [len(batch[0])], len(batch[0]))
            step = self.clock.step
            progress = Progress(self.clock.epoch, step)
            with Ahead(self, {step: batch}, progress, [], every_step=True) as ahead:
                return ahead.take(step)

    # ---- checks

    def require_no_fit(self, what: str) -> None:
        """Raise RuntimeError while `fit` is at work with what `what` would replace."""
        if self._in_fit:
            raise RuntimeError(
                f"{what} was called by a callback, and fit is at work with what it would replace. Do it between two "
                "calls of fit; optimizer.learning_rate may be set at any time"
            )

    @property
    def owns_optimizer(self) -> bool:
        """Whether the optimizer was set up for this model, even if a layer was added or frozen since then."""
        owner = None if self.optimizer is None else self.optimizer.owner
        return owner is not None and owner() is self

    @property
    def has_ready_optimizer(self) -> bool:
        """Whether the optimizer's slots and count of steps are those of this model's training."""
        optimizer = self.optimizer
        if optimizer is None or not self.owns_optimizer:
            return False
        # A layer may have been added since then, or frozen.
        return not self.built or (optimizer.variables, optimizer.of) == (self.trainable_sizes(), self.count_params())

    def ready_optimizer(self) -> None:
        """Allocate the optimizer's slots for the parameters that are trained, unless it has them."""
        optimizer, _ = self._compiled()
        self.take_up_trainable()
        sizes, total = self.trainable_sizes(), self.count_params()
        owner = None if optimizer.owner is None else optimizer.owner()
        if owner is None or (owner is self and optimizer.of != total):  # new, or the model has other layers now
            if owner is self and optimizer.iterations:
                warn(
                    f"the model has other layers than when its optimizer took its first {optimizer.iterations} steps: "
                    "it begins again, without what it had averaged"
                )
            optimizer.init(self.trainable_params.size, self.dtype, self.backend)
            optimizer.owner, optimizer.variables, optimizer.of = weakref.ref(self), sizes, total
            self.before_step = Snapshot()
        elif owner is not self:
            raise ValueError(
                "this optimizer belongs to another model, whose momentum it holds; give each model its own"
            )
        elif optimizer.variables != sizes:
            optimizer.keep(sizes)
            self.before_step = Snapshot()

    def _begin_training(self) -> None:
        self.ready_optimizer()
        if self._compiled_anew and not self.trainable_params.size:
            warn("nothing in this model is trainable: it will not learn")  # as in Keras
        self._compiled_anew = False

    def take_up_trainable(self) -> None:
        """Train what is `trainable` now, unless training has begun with something else since `compile`.

        Raises:
            RuntimeError: if it has. Keras would train on with what was trainable before.
        """
        if not self.trainable_has_changed:
            return
        if not self._compiled_anew:
            raise RuntimeError(
                "`trainable` was changed after training had begun. As in Keras, that acts from the next compile on: "
                "call model.compile(...) again, or set `trainable` back"
            )
        self._share_vectors()


def _listed(given: Any) -> list[Any]:
    """Metrics as a list; as in Keras, lists in it are no others."""
    if isinstance(given, dict):
        if "class" not in given:
            raise TypeError("a model has one output, so its metrics are a list, not a dict by the names of outputs")
        return [metrics.get(given)]
    if isinstance(given, list | tuple):
        return [each for inner in given for each in ([None] if inner is None else _listed(inner))]
    if isinstance(given, type) and issubclass(given, metrics.Metric):
        return [given()]  # as in Keras; once, because it is numbered
    return [] if given is None else [given]


def _described(identifiers: list[Any]) -> list[Any]:
    """What a file says of the metrics; those of the user's own are left out."""
    return [each for each in map(metrics.description, identifiers) if each is not None]
