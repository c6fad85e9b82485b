"""Whether a network still learns: what has died, is saturated or has exploded, by the last batch of an epoch.

A loss can be a number, and even fall, while half of the network takes no part any more. Looking costs about as much as
two steps, so it is done after every LOOK_EVERY steps, when their epoch ends, and when training ends. The forward pass
of the last step is run again, with the weights as they are now; its gradients are still there. Nothing is drawn anew or
changed by it: training goes on to the same bits.

A finding is told once for each kind and layer. It is no error.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scratchnn_kernels.contract import Array

from scratchnn.training import diagnosis
from scratchnn.training.ahead import has_own_classes
from scratchnn.training.progress import Progress

LOOK_EVERY = 500  # steps
ROWS_TRACED, STEPS_TRACED = 8, 20  # of the batch, in whose gates to look: a trace takes NumPy's time

MOST = 0.95  # of a layer's outputs, or a gate's values, that are at an end: it is saturated
HALF = 0.5  # of a layer's units that give 0 for everything: it has lost too many
NEAR = 1e-3  # of the way between two ends: there, less than 0.2% of a gradient passes
LARGE_WEIGHT = 100.0  # the root mean square of a parameter; in networks that work it is around 1 at most
# Its norm in a layer; in proportion to the root of the loss where that is above 1, as of squares of unscaled targets.
LARGE_GRADIENT = 1000.0
ROUNDING = 1e-6  # in proportion: outputs that differ by less are the same
SOLVED = 1e-6  # a loss below has no gradient to give

# What each kind of finding means, and what to do. They are told in this order.
REMEDIES = {
    "constant output": "It is the same for every example: a smaller learning rate, and look at what died before it",
    "no gradient": "What gets none does not learn: a smaller learning rate, or other activations",
    "dead units": "Units that give 0 for every example pass no gradient: a smaller learning rate, or leaky_relu",
    "saturated outputs": "At its ends an activation passes no gradient: a smaller learning rate or initial weights",
    "stuck gates": "Always open or shut, they pass no gradient: a smaller learning rate, or smaller initial weights",
    "exploding gradient": "Try global_clipnorm=1.0 in the optimizer, or a smaller learning rate",
    "exploding weights": "Try a smaller learning rate, or inputs and targets that are scaled to about 1",
}


@dataclass(frozen=True)
class Finding:
    """Something about a layer, "" for all of them: one of the kinds in REMEDIES, and what was measured, in words."""

    kind: str
    layer: str
    words: str


def summary(findings: Sequence[Mapping[str, Any]]) -> str:
    """The findings of a whole training, such as "dead units (dense), exploding weights (embedding, lstm)"."""
    layers: dict[str, list[str]] = {}
    for each in findings:
        layers.setdefault(each["kind"], []).append(each["layer"] or "all layers")
    return ", ".join(f"{kind} ({', '.join(layers[kind])})" for kind in REMEDIES if kind in layers)


class Health:
    """Looks at a model while `fit` trains it, and adds what is new to `progress.findings`.

    `loss` is that of the last step.
    """

    def __init__(self, model: Any, progress: Progress) -> None:
        self.loss = math.nan
        self._model, self._progress = model, progress
        # One forward pass more would change what code of the user's own counts or draws; on a device it would be waited
        # for.
        self._walks = not (has_own_classes(model) or model.backend.is_asynchronous)
        self._step, self._x = -1, None

    def watch(self, steps: Iterator[Any]) -> Iterator[Any]:
        """The same batches, of which the last one is remembered."""
        for batch in steps:
            self._step, self._x = batch[0], batch[1]
            yield batch

    def is_due(self, *, ends: bool) -> bool:
        """Whether to look now that an epoch ends; `ends`: training does. Counts alone decide, never the clock."""
        taken = self._model.optimizer.iterations
        return ends or taken // LOOK_EVERY > (taken - self._progress.step) // LOOK_EVERY

    def look(self) -> list[str]:
        """Look at the epoch that ends. Return what is new, as remarks to print."""
        if self._x is None or not math.isfinite(self._progress.mean_loss):
            return []  # no step was taken; or one was refused, and that was told
        known = {(each["kind"], each["layer"]) for each in self._progress.findings}
        with np.errstate(all="ignore"):
            new = [each for each in self._findings(self._x) if (each.kind, each.layer) not in known]
        self._x = None
        self._progress.findings += [{"epoch": self._progress.epoch + 1, **vars(each)} for each in new]
        told = {kind: [each.words for each in new if each.kind == kind] for kind in REMEDIES}
        return [f"{kind}: {'; '.join(words)}. {REMEDIES[kind]}" for kind, words in told.items() if words]

    def _findings(self, x: Array) -> Iterator[Finding]:
        yield from _of_norms(self._model, self.loss)
        if not self._walks:
            return
        carried = self._model.states
        try:
            yield from _of_outputs(self._model, x, self._step, self.loss)
        finally:
            self._model.states = carried


def _of_norms(model: Any, loss: float) -> Iterator[Finding]:
    """Gradients of the last step, and weights after it."""
    parameters = diagnosis.parameters_of(model)
    vectors = [v[place] for v in (model.trainable_params, model.trainable_grads) for _, _, place in parameters]
    squares = model.backend.numbers([model.backend.rough_squared_norm(each) for each in vectors])
    sizes: dict[Any, list[tuple[float, str]]] = {}  # by layer: the root mean square of each parameter, and its name
    gradients: dict[Any, float] = {}  # the sum of squares
    for (layer, name, place), w, g in zip(parameters, squares, squares[len(parameters) :], strict=False):
        sizes.setdefault(layer, []).append((math.sqrt(w / max(1, place.stop - place.start)), name))
        gradients[layer] = gradients.get(layer, 0.0) + g
    alive = any(gradients.values())
    if gradients and not alive and loss > SOLVED:
        yield Finding("no gradient", "", "no layer gets any")
    for layer, squared in gradients.items():
        (size, name), norm = max(sizes[layer]), math.sqrt(squared)
        if size > LARGE_WEIGHT:
            yield Finding("exploding weights", layer.name, f"{layer.label} ({name} about {size:.0e})")
        if norm > LARGE_GRADIENT * math.sqrt(max(1.0, loss)):
            yield Finding("exploding gradient", layer.name, f"{layer.label} (its norm {norm:.0e})")
        if squared == 0 and alive and loss > SOLVED:
            yield Finding("no gradient", layer.name, layer.label)


def _of_outputs(model: Any, x: Array, step: int, loss: float) -> Iterator[Finding]:
    """What the layers give for the batch x."""
    rows_differ, y = bool((x != x[:1]).any()), x
    for layer, given, mask, y in diagnosis.walk(model, x, model.clock.epoch, step):
        if not (layer is model.head and model.joins_loss):  # there the loss goes around the activation
            yield from _of_ends(model.backend, layer, y)
        yield from _of_gates(layer, given, mask)
    if rows_differ and loss > SOLVED:
        spread, size = model.backend.numbers([abs(y - y[:1]).max(), abs(y).max()])
        if spread <= ROUNDING * size:
            yield Finding("constant output", model.layers[-1].name, model.layers[-1].label)


def _of_ends(backend: Any, layer: Any, y: Array) -> Iterator[Finding]:
    """How much of y is where the layer's activation is flat."""
    match layer.flat_at:
        case (end,):
            units = (y == end).reshape(-1, y.shape[-1]).all(axis=0)
            (dead,) = backend.numbers([units.sum()])
            if dead >= HALF * len(units):
                yield Finding("dead units", layer.name, f"{layer.label} ({dead:.0f} of {len(units)})")
        case (low, high):
            near = NEAR * (high - low)
            # A sum of two shares, for no number is near both ends.
            share = sum(backend.numbers([(y < low + near).mean(), (y > high - near).mean()]))
            if share >= MOST:
                yield Finding("saturated outputs", layer.name, f"{layer.label} ({share:.0%})")


def _of_gates(layer: Any, x: Array, mask: Array | None) -> Iterator[Finding]:
    """How many values of each gate are 0 or 1, by a walk through the last steps of the first rows."""
    rule = getattr(getattr(layer, "forward_layer", layer), "recurrent_activation", None)
    if getattr(rule, "name", None) not in ("sigmoid", "hard_sigmoid") or layer.stateful:
        return
    x = x[:ROWS_TRACED, -STEPS_TRACED:]
    mask = None if mask is None else mask[:ROWS_TRACED, -STEPS_TRACED:]
    stuck = []
    for name, values in layer.trace(x, mask=mask).items():
        if name in layer.state_names or name.rpartition(".")[2] == "g":  # the candidate, with another activation
            continue
        real = values[~np.isnan(values)]  # at masked steps there are no gates
        share = ((real < NEAR) | (real > 1 - NEAR)).mean() if real.size else 0.0
        if share >= MOST:
            stuck.append(f"{share:.0%} of {name}")
    if stuck:
        yield Finding("stuck gates", layer.name, f"{layer.label} ({', '.join(stuck)})")
