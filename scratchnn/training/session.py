"""One call of `fit`: its epochs, with console, callbacks and Ctrl-C around them."""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnn.callbacks import Callback, TerminateOnNaN
from scratchnn.callbacks.history import EXTRA
from scratchnn.core.threads import one_blas_thread
from scratchnn.core.warning import warn
from scratchnn.metrics import Metric
from scratchnn.report.console import Console
from scratchnn.training.ahead import Ahead
from scratchnn.training.batches import Source
from scratchnn.training.compiling import Compiling
from scratchnn.training.epoch import train_epoch
from scratchnn.training.health import Health
from scratchnn.training.hooks import Hooks
from scratchnn.training.interrupts import Interrupts
from scratchnn.training.keeping import Keeper
from scratchnn.training.progress import NonFiniteError, Progress
from scratchnn.training.threads import ThreadChoice


@dataclass
class Session:
    """The arguments of `fit`, checked."""

    model: Any
    source: Source
    validation: Source | None
    epochs: int
    shuffle: bool
    progress: Progress
    console: Console
    hooks: Hooks
    validates: Callable[[int], bool]  # whether to validate after the epoch of this number, counted from 0
    keeper: Keeper | None = None  # writes where training stands

    def __post_init__(self) -> None:
        backend = self.model.backend
        self._compiling = Compiling(backend, self.console)
        self._metrics: list[Metric] = []  # that count the epoch under way
        self._threads = ThreadChoice(backend.threads_to_choose(), backend.use_threads, self._compiling.now)
        self._health = Health(self.model, self.progress)

    def run(self) -> None:
        """Train until all epochs are done, or training is stopped: after a step at the earliest, as in Keras."""
        before = self.model._in_fit
        self.model._in_fit = True
        try:
            self._run()
        finally:
            self.model._in_fit = before

    def _run(self) -> None:
        model, progress, hooks = self.model, self.progress, self.hooks
        metrics = {metric.name: metric for metric in model.fresh_metrics()}
        progress.check_metrics(metrics)  # what cannot go on from there is refused before anything is told
        for name, metric in metrics.items():
            if name in progress.counts:
                metric.load_state(progress.counts[name])
        kept = hooks.owners_of(progress.states)
        model.stop_training = False
        hooks.tell("on_train_begin", {})
        ended = self._go_on(kept)
        logs: dict[str, float] = {}
        progress.listen(hooks.states)
        try:
            self.console.table_head([metric.name for metric in model.fresh_metrics()])
            with Interrupts() as interrupts, one_blas_thread(), self._compiling.watched():
                while progress.epoch < self.epochs and not ended and self._has_batches():
                    hooks.tell("on_epoch_begin", progress.epoch, {})
                    self._train_unless_refused(interrupts)
                    self.source.end_epoch()
                    logs = self._finish_epoch()
                    if self.keeper is not None:
                        self.keeper.after_epoch()
                    interrupts.act()
                    ended = model.stop_training
            if self._threads.measured:
                self.console.line(f"trained on {self._threads}")
            hooks.tell("on_train_end", logs)
        finally:
            progress.listen(None)

    def _go_on(self, kept: Sequence[tuple[Callback, dict[str, Any]]]) -> bool:
        """Give the callbacks what they knew when training was interrupted; return whether one of them had ended it."""
        model, progress = self.model, self.progress
        asked, model.stop_training = model.stop_training, False
        for callback, entry in kept:
            callback.load_state(entry["state"])
        for callback, entry in kept:
            if entry["late"]:
                last = progress.records[-1]
                callback.on_epoch_end(progress.epoch - 1, {key: last[key] for key in last if key not in EXTRA})
        ended = model.stop_training
        model.stop_training = ended or asked  # on_train_begin ends it after a step at the earliest
        if ended and progress.epoch < self.epochs:
            warn(
                f"nothing is trained: a callback has ended this training after epoch {progress.epoch}; "
                "more patience, or a new Progress, would train on"
            )
        return ended

    def _train_unless_refused(self, interrupts: Interrupts) -> None:
        """Train the epoch under way. A step that is refused ends it, and training, where TerminateOnNaN listens."""
        self.model._in_epoch = True
        try:
            self._train(interrupts)
        except NonFiniteError as error:
            listening = [each for each in self.hooks.callbacks if isinstance(each, TerminateOnNaN)]
            if not listening:
                raise
            listening[0].end(self.progress.step, error)
            self.progress.refuse(error.loss)
        finally:
            self.model._in_epoch = False

    def _has_batches(self) -> bool:
        goes_on = self.source.goes_on()
        if not goes_on:
            warn(
                f"training ends after {self.progress.epoch} of {self.epochs} epochs, because x has no batch left: let "
                "it give steps_per_epoch * epochs batches, or give arrays or a scratchnn.utils.PyDataset"
            )
        return goes_on

    def _train(self, interrupts: Interrupts) -> None:
        """Train the epoch under way. It can end early only where every step that was taken has been counted."""
        model, progress, hooks, keeper = self.model, self.progress, self.hooks, self.keeper
        begins, ends = hooks.heard("on_train_batch_begin"), hooks.heard("on_train_batch_end")
        number = model.clock.begin_epoch(progress)
        batches = self.source.begin_epoch(model, number, shuffle=self.shuffle)
        progress.steps = self.source.steps
        user_errstate = np.geterr()
        metrics = self._metrics = model.fresh_metrics()
        shown = metrics[0] if metrics else None
        every_step = begins or ends or self.source.asks_once
        ahead = Ahead(model, batches, progress, metrics, every_step=every_step, now=self._compiling.now)

        def tell(hook: str, step: int, logs: dict[str, float]) -> None:
            with np.errstate(**user_errstate):  # the loop is silent about overflows, a callback is not
                hooks.tell(hook, step, logs=logs)

        def record(*results: Any) -> None:
            ahead.add(*results)
            asked = keeper is not None and keeper.counts_up()
            if ahead.is_due or asked or model.stop_training or interrupts.received is not None:
                losses = ahead.synchronise()
                self._health.loss = losses[-1]
                metric = math.nan if shown is None else shown.number()
                bar.advance(len(losses), loss=progress.mean_loss, metric=metric)
                if ends:
                    tell("on_train_batch_end", progress.step - 1, self._logs(metrics))
                if keeper is not None:
                    keeper.after_step(interrupted=interrupts.received is not None)
                interrupts.act()

        announce = (lambda step: tell("on_train_batch_begin", step, {})) if begins else None
        with (
            ahead,
            self.console.bar(self.source.steps, progress.epoch + 1, self.epochs, self._compiling.now) as bar,
            closing(self._threads.timed(self._health.watch(ahead.steps(announce)))) as steps,
        ):
            bar.advance(progress.step)
            # Where a callback or the user's own class may change a layer, each step asks how the loss takes its output.
            for part in ([step] for step in steps) if ahead.every_step else (steps,):
                train_epoch(model, part, model.clock.epoch, record)

    def _logs(self, metrics: Sequence[Metric]) -> dict[str, float]:
        """Loss and metrics over the steps of this epoch so far."""
        return {"loss": self.progress.mean_loss} | {metric.name: metric.number() for metric in metrics}

    def _finish_epoch(self) -> dict[str, float]:
        """Validate, and report the results of the epoch; return what the callbacks were told."""
        progress = self.progress
        started = self._compiling.now()
        record = self._logs(self._metrics)
        self.model.hand_over(self._metrics)
        record["gradient_norm"] = progress.mean_gradient_norm
        record["reviews_per_second"] = progress.seen / max(progress.seconds, 1e-9)
        if self.validation is not None and self.validates(progress.epoch):
            results = self.model.measure(self.validation, self.hooks)
            record |= {f"val_{key}": value for key, value in results.items()}
        record["seconds"] = progress.seconds + self._compiling.now() - started
        ends = progress.epoch + 1 == self.epochs or self.model.stop_training
        remarks = self._health.look() if self._health.is_due(ends=ends) else []
        self._compiling.report()
        progress.finish_epoch(record)
        self.model.clock.finish_epoch()
        self.console.epoch_row(progress.epoch, record, best=progress.best_epoch == progress.epoch)
        for remark in remarks:
            self.console.note(remark)
        logs = {key: value for key, value in record.items() if key not in EXTRA}
        self.hooks.end_epoch(progress.epoch - 1, logs)
        record |= {key: float(value) for key, value in logs.items() if key not in record}  # what callbacks added
        return logs
