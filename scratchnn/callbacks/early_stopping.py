from typing import Any, ClassVar

from scratchnn_kernels.contract import Array

from scratchnn.callbacks.callback import Logs
from scratchnn.callbacks.monitor import Mode, Monitor, Watching
from scratchnn.core.checks import comparable, flag, whole_number

_COUNTS = ("wait", "best_epoch", "stopped_epoch")


class EarlyStopping(Watching):
    """Stops when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    With `baseline`, an epoch restarts the waiting only if it also beats the baseline. Epochs before `start_from_epoch`
    are ignored. `restore_best_weights` restores the weights of the best epoch when `fit` returns, also when training
    ran to the last epoch. Afterwards `best`, `best_epoch` (None: there was none) and `stopped_epoch` (0: it was not
    stopped here) say what happened. Both epochs count from 0, as in the hooks, and one more is what is printed. All of
    it survives a checkpoint: training that is resumed waits on from there. With more patience than before it also goes
    on where it had been stopped.

    Keras: the same, except that a missing `monitor` is an error, that NaN never counts as the best, and that its
    `best_epoch` is 0 where there is none.

    Raises:
        ValueError: when training begins, for mode="auto" with what neither a metric of the model nor its name decides.
    """

    checks: ClassVar = {
        **Watching.checks,
        "patience": lambda epochs: whole_number("patience", epochs, 0),
        "baseline": lambda value: None if value is None else comparable("EarlyStopping: baseline", value),
        "restore_best_weights": lambda value: flag("EarlyStopping", "restore_best_weights", value),
        "start_from_epoch": lambda epoch: whole_number("start_from_epoch", epoch, 0),
    }
    wait: int
    best_epoch: int | None
    stopped_epoch: int

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: Mode = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        self._monitor = Monitor("EarlyStopping", monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._begin()

    min_delta = property(lambda self: self._monitor.min_delta)

    def get_state(self) -> dict[str, Any]:
        kept = {name: getattr(self, name) for name in ("monitor", "mode", "best", *_COUNTS)}
        return kept | {"best_weights": self._best_weights}

    def load_state(self, state: dict[str, Any]) -> None:
        self._continues(state)
        if self.restore_best_weights and state["best_epoch"] is not None and state["best_weights"] is None:
            raise ValueError(
                "EarlyStopping cannot restore the weights of the best epoch so far: the training that is to be "
                "continued did not keep them; resume it with restore_best_weights=False"
            )
        self._monitor.best = state["best"]
        for name in _COUNTS:
            setattr(self, name, state[name])
        self.stopped_epoch = state["stopped_epoch"] or 0
        self._best_weights = state["best_weights"] if self.restore_best_weights else None
        if self.stopped_epoch:
            if self.wait >= self.patience:
                self.model.stop_training = True
            else:
                self.stopped_epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        self._begin()

    def _begin(self) -> None:
        self._monitor.best = None
        self.wait = 0
        self.best_epoch = None
        self.stopped_epoch = 0
        self._best_weights: list[Array] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self._monitor.read(logs, self.skips_validation)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._monitor.improves(value, self._monitor.best):
            self._monitor.best = value
            self.best_epoch = epoch
            if self.restore_best_weights:
                # Copies: a model may hand out its own arrays, which the next step changes in place.
                self._best_weights = [weight.copy() for weight in self.model.get_weights()]
            if self.baseline is None or self._monitor.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.verbose:
                print(f"EarlyStopping: no better {self._monitor.key} in {self.wait} epochs")

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)
