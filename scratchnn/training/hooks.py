"""The callbacks of one call of fit, evaluate or predict, and which of them listen to what.

A hook that no callback overrides is never called, and costs nothing.
"""

import re
from typing import Any

from scratchnn.callbacks import HOOKS, Callback
from scratchnn.callbacks.callback_list import flat
from scratchnn.core.names import nearest

# Words that other frameworks have in the names of such hooks, and that are easily mistaken for Keras'.
_OTHER_WORDS = {
    "start": "begin", "started": "begin", "before": "begin", "finish": "end", "finished": "end", "stop": "end",
    "after": "end", "validation": "test", "val": "test", "evaluate": "test", "eval": "test", "fit": "train",
    "training": "train", "step": "batch", "train_epoch": "epoch",
}  # fmt: skip


class Hooks:
    """Calls the hooks by name, `hooks.tell("on_epoch_end", epoch, logs)`, of the callbacks that override them.

    Args:
        callbacks: as the user gave them: one, or a list of callbacks or of lists.
        params: what `Callback.params` holds.

    Raises:
        TypeError: for an object that is no callback, and for a method `on_...` that is none of the hooks.
    """

    def __init__(self, callbacks: Any, model: Any, params: dict[str, Any], *, skips_validation: bool = False) -> None:
        self.callbacks = [] if callbacks is None else list(flat(callbacks))
        for callback in self.callbacks:
            _check(callback)
        for callback in self.callbacks:
            callback.skips_validation = skips_validation
            callback.set_model(model)
        for callback in self.callbacks:
            callback.set_params(params)
        self._late: list[Callback] = []
        self._heard = {
            hook: [getattr(each, hook) for each in self.callbacks if _overrides(each, hook)] for hook in HOOKS
        }

    def heard(self, hook: str) -> bool:
        """Whether anybody listens."""
        return bool(self._heard[hook])

    def end_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Tell `on_epoch_end`. Where a callback saves a checkpoint then, `states` knows who has still to be told."""
        self._late = [each for each in self.callbacks if _overrides(each, "on_epoch_end")]
        while self._late:
            self._late.pop(0).on_epoch_end(epoch, logs)

    def states(self) -> list[dict[str, Any]]:
        """What the callbacks keep over an interruption, each with its class. "late": it was not told of the epoch."""
        return [
            {"callback": type(each).__name__, "late": any(other is each for other in self._late), "state": state}
            for each in self.callbacks
            if (state := each.get_state())
        ]

    def owners_of(self, states: list[dict[str, Any]]) -> list[tuple[Callback, dict[str, Any]]]:
        """Each of these states with its callback: the first of the class that has none yet.

        Raises:
            ValueError: for a state without a callback.
        """
        found, left = [], list(self.callbacks)
        for entry in states:
            name = entry["callback"]
            at = next((i for i, each in enumerate(left) if type(each).__name__ == name), None)
            if at is None:
                raise ValueError(
                    f"the training that is to be continued had the callback {name}, whose state the progress holds: "
                    f"pass callbacks=[{name}(...)] again, or begin without it by progress.states.clear()"
                )
            found.append((left.pop(at), entry))
        return found

    def tell(self, hook: str, *args: Any, **logs: Any) -> None:
        for method in self._heard[hook]:
            method(*args, **logs)


def _check(callback: Any) -> None:
    if not isinstance(callback, Callback):
        hint = f": call it, {callback.__name__}()" if isinstance(callback, type) else ""
        raise TypeError(f"callbacks must be objects derived from scratchnn.callbacks.Callback, got {callback!r}{hint}")
    for name in dir(callback):
        if name.startswith("on_") and name not in HOOKS and callable(getattr(callback, name)):
            raise TypeError(
                f"{type(callback).__name__}.{name} would never be called: no hook has that name{_meant(name)}. "
                "Give a method that is no hook a name without on_"
            )


def _meant(name: str) -> str:
    words = "_".join(_OTHER_WORDS.get(word, word) for word in name.split("_"))
    return nearest(re.sub("train_epoch", "epoch", words), HOOKS)


def _overrides(callback: Callback, hook: str) -> bool:
    """Whether it has a hook of its own, from its class or set on the object; the hooks of a step have two names."""
    names = [hook, hook.replace("train_batch", "batch")]
    return any(getattr(getattr(callback, name), "__func__", None) is not getattr(Callback, name) for name in names)
