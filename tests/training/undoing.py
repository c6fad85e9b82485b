"""What a step that fails leaves behind, on any backend: tests for classes that name theirs."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from scratchnn import Sequential, losses, optimizers
from scratchnn.layers import GRU, LSTM, Embedding, Flatten, Layer
from scratchnn.metrics import MeanMetric
from scratchnn.training import ahead
from scratchnn.training.progress import NonFiniteError, Progress
from tests.gpu.training import everything_of
from tests.training.hidden_state import (
    FAILS,
    LAYERS,
    RULES,
    Adding,
    Alternating,
    Annealed,
    Decaying,
    Own,
    Vector,
    embedded,
)  # fmt: skip
from tests.training.step_limit import Watching

IDS = np.random.default_rng(0).integers(0, 20, (40, 6))
LABELS = (IDS[:, 0] > 9).astype(float)


def streaming() -> list[Layer]:
    return [GRU(3, stateful=True, return_sequences=True), LSTM(2, stateful=True)]


def states_of(model: Sequential) -> dict[str, list[bytes]]:
    to_host = model.backend.to_host
    return {name: [to_host(state).tobytes() for state in states or []] for name, states in model.states.items()}


class Undoing:
    """Its subclasses name the backend."""

    backend: str

    def model(self, layers: Sequence[Layer] | None = None, optimizer: Any = "adam", loss: Any = "mse") -> Sequential:
        Alternating.calls = Annealed.calls = 0
        model = Sequential(layers or embedded(Flatten()), backend=self.backend, seed=1)
        model.build((None, 6))
        model.compile(optimizer, loss, ["mae"])
        return model

    def ends(self, model: Sequential, error: type[Exception], *, watched: bool, poison: bool = False) -> list[Any]:
        """All that a failed training leaves, which is as it was before the step that failed."""
        watching, progress, y = Watching(), Progress(), LABELS.copy()
        if poison:
            y[2 * FAILS] = 1e30
        with pytest.raises(error) as caught:
            model.fit(
                *(IDS, y, 2), verbose=0, shuffle=False, callbacks=[watching] if watched else [], progress=progress
            )
        assert progress.step == FAILS
        assert progress.seen == progress.counts["mae"][1] == 2 * FAILS
        assert not watched or everything_of(model) == watching.after[-1]
        optimizer = model.optimizer
        assert optimizer is not None
        numbers = [optimizer.iterations, optimizer.learning_rate, sorted(vars(optimizer)), list(optimizer.slots)]
        return [
            str(caught.value),
            everything_of(model),
            numbers,
            progress.loss,
            progress.gradient_norm,
            progress.counts,
        ]

    def assert_watched_or_not(self, make: Callable[[], Sequential], error: type[Exception], **poison: bool) -> list:
        watched, alone = (self.ends(make(), error, watched=watched, **poison) for watched in (True, False))
        assert watched == alone
        return alone

    # ---- hidden state of the user's own

    @pytest.mark.parametrize("kind", LAYERS)
    def test_layers_with_hidden_state_take_no_step_twice(self, kind: str) -> None:
        told, *_ = self.assert_watched_or_not(lambda: self.model(LAYERS[kind]()), NonFiniteError, poison=True)
        assert f"the loss is inf at step {FAILS + 1} of epoch 1" in told

    def test_a_loss_with_hidden_state_takes_no_step_twice(self) -> None:
        self.assert_watched_or_not(lambda: self.model(loss=Annealed()), NonFiniteError, poison=True)

    @pytest.mark.parametrize("rule", RULES)
    def test_optimizers_with_hidden_state_take_no_step_twice(self, rule: str) -> None:
        def large(w: Any) -> None:
            w *= 1e20

        _, _, numbers, *_ = self.assert_watched_or_not(
            lambda: self.model(optimizer=RULES[rule](fails=large)), NonFiniteError
        )
        assert numbers[0] == FAILS
        assert numbers[1] == pytest.approx(0.01 * 0.9**FAILS if rule == "decaying" else 0.01)
        assert numbers[3] == (["m"] if rule == "adding" else [])

    def test_a_model_of_ones_own_takes_no_step_twice(self) -> None:
        class Counting(Sequential):
            steps = 0

            def forward(self, x: Any, **options: Any) -> Any:
                self.steps += options.get("training", False)
                return super().forward(x, **options)

        model = Counting(embedded(Flatten()), backend=self.backend, seed=1)
        model.build((None, 6))
        model.compile("adam", "mse", ["mae"])
        self.ends(model, NonFiniteError, watched=False, poison=True)
        assert model.steps == FAILS + 1

    def test_what_the_first_step_brought_is_gone_with_it(self) -> None:
        def large(w: Any) -> None:
            w *= 1e20

        class Both(Adding, Decaying):
            def change(self, w: Any, g: Any) -> None:
                Adding.change(self, w, g)
                Decaying.change(self, w, g)
                large(w)

        model = self.model(optimizer=Both())
        model.ready_optimizer()
        assert model.optimizer is not None
        before, names = everything_of(model), sorted(vars(model.optimizer))
        with pytest.raises(NonFiniteError, match="step 1 of epoch 1"):
            model.fit(IDS, LABELS, 2, verbose=0)
        assert everything_of(model) == before
        assert sorted(vars(model.optimizer)) == names
        assert model.optimizer.learning_rate == 0.01

    def test_an_optimizer_may_add_its_slots_in_update(self) -> None:
        ends = []
        for callbacks in ([], [Watching()]):
            model = self.model(optimizer=Adding())
            model.fit(IDS, LABELS, 2, epochs=2, verbose=0, callbacks=callbacks)
            assert model.optimizer is not None
            assert model.optimizer.iterations == 40
            assert list(model.optimizer.slots) == ["m", "late"]
            ends.append(everything_of(model))
        assert ends[0] == ends[1]

    # ---- states that are carried from batch to batch

    @pytest.mark.parametrize("limit", [100, 3], ids="a copy before every {}".format)
    def test_states_go_back_with_the_step(self, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whether somebody watches or not, they are those of the steps that were counted."""
        monkeypatch.setattr(ahead, "STEPS_AHEAD", limit)
        y, ends = LABELS.copy(), []
        y[2 * FAILS] = 1e30
        for watched in (True, False):
            model = self.model(embedded(*streaming()))
            with pytest.raises(NonFiniteError):
                model.fit(IDS, y, 2, verbose=0, shuffle=False, callbacks=[Watching()] if watched else [])
            ends.append([everything_of(model), states_of(model)])
        counted = self.model(embedded(*streaming()))
        rows = 2 * FAILS
        counted.fit(IDS[:rows], LABELS[:rows], 2, verbose=0, shuffle=False)
        assert ends[0] == ends[1] == [everything_of(counted), states_of(counted)]

    def test_states_go_back_with_a_step_that_stops_halfway(self, monkeypatch: pytest.MonkeyPatch) -> None:
        update, calls = optimizers.Adam.update, []

        def stopping(adam: Any, w: Any, g: Any) -> None:
            update(adam, w, g)
            calls.append(1)
            if len(calls) == FAILS + 1:
                raise KeyboardInterrupt

        model, progress = self.model(embedded(GRU(3, stateful=True))), Progress()
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(optimizers.Adam, "update", stopping)
            model.fit(IDS, LABELS, 2, verbose=0, shuffle=False, progress=progress)
        counted = self.model(embedded(GRU(3, stateful=True)))
        if progress.step:  # on a device the steps were not counted one by one: there all of them are undone
            rows = 2 * progress.step
            counted.fit(IDS[:rows], LABELS[:rows], 2, verbose=0, shuffle=False)
        else:
            counted.ready_optimizer()
        assert progress.step == (0 if self.backend == "gpu" else FAILS)
        assert everything_of(model) == everything_of(counted)
        assert [any(state) for state in states_of(model).values()] == [progress.step > 0]
        assert states_of(model) == states_of(counted)

    # ---- errors of any kind

    def test_an_own_optimizer_that_stops_halfway_has_done_nothing(self) -> None:
        def halfway(w: Any) -> None:
            w[:3] *= 2
            raise MemoryError("half way")

        told, *_ = self.assert_watched_or_not(lambda: self.model(optimizer=Vector(fails=halfway)), MemoryError)
        assert told == "half way"

    @pytest.mark.parametrize("is_large", [False, True])
    def test_a_built_in_step_that_stops_halfway_has_done_nothing(
        self, is_large: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The copy may be of an earlier step: the counted ones since then are taken once more, to the same bits.

        Also where every step is looked at twice, because it may have made a weight too large.
        """

        def make() -> Sequential:
            model, update = self.model([Embedding(30, 4), *embedded(Flatten())[1:]]), optimizers.Adam.update
            if is_large:
                E, *others = model.get_weights()
                E[20:] = 4e14  # rows that nothing reads
                model.set_weights([E, *others])

            def failing(adam: Any, w: Any, g: Any) -> None:
                update(adam, w, g)
                if adam.iterations == FAILS:  # not by counting calls: a step may be taken again
                    w[:3] *= 2
                    raise MemoryError("full")

            monkeypatch.setattr(optimizers.Adam, "update", failing)
            model.ready_optimizer()
            return model

        # Nobody hears of a device's step before it is counted with all others: there none of them is.
        if self.backend == "gpu":
            model, progress = make(), Progress()
            before = everything_of(model)
            with pytest.raises(MemoryError, match="full"):
                model.fit(IDS, LABELS, 2, verbose=0, progress=progress)
            assert everything_of(model) == before
            assert progress.step == 0
        else:
            ends = []
            for watched in (True, False):
                with monkeypatch.context():
                    ends.append(self.ends(make(), MemoryError, watched=watched))
                monkeypatch.undo()
            assert ends[0] == ends[1]

    def test_the_step_before_one_that_stops_halfway_is_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where it is the first, and looked at twice."""
        model, progress, update = (
            self.model([Embedding(30, 4), *embedded(Flatten())[1:]]),
            Progress(),
            optimizers.Adam.update,
        )
        E, *others = model.get_weights()
        E[20:] = 4e14  # rows that nothing reads
        model.set_weights([E, *others])

        def failing(adam: Any, w: Any, g: Any) -> None:
            update(adam, w, g)
            if adam.iterations == 1:
                raise MemoryError("full")

        monkeypatch.setattr(optimizers.Adam, "update", failing)
        with pytest.raises(MemoryError, match="full"):
            model.fit(IDS, LABELS, 2, verbose=0, shuffle=False, progress=progress)
        assert progress.step == (0 if self.backend == "gpu" else 1)
        assert model.optimizer is not None
        assert model.optimizer.iterations == progress.step

    @pytest.mark.parametrize(
        ("returned", "named"),
        [(None, "None"), ("3.0", "'3.0'"), (1j, "1j"), (np.ones(2), r"an array of float64 and shape \(2,\)")],
    )
    def test_a_loss_that_is_no_number_is_named(self, returned: Any, named: str) -> None:
        class Huber(losses.MeanSquaredError):
            name = "huber"
            calls: ClassVar[int] = 0

            def forward(self, y: Any, target: Any) -> tuple[Any, Any]:
                Huber.calls += 1
                loss, cache = super().forward(y, target)
                return (returned if Huber.calls == FAILS + 1 else loss), cache

        def make() -> Sequential:
            Huber.calls = 0
            return self.model(loss=Huber())

        told, *_ = self.assert_watched_or_not(make, TypeError)
        assert told.startswith("the loss 'huber' returned ")
        Huber.calls = FAILS
        with pytest.raises(TypeError, match=f"^the loss 'huber' returned {named}, expected one number$"):
            self.model(loss=Huber()).evaluate(IDS, LABELS, verbose=0)

    @pytest.mark.parametrize("number", [2, np.float32(2), np.ones(())])
    def test_any_number_is_a_loss(self, number: Any) -> None:
        class Constant(losses.MeanSquaredError):
            def forward(self, y: Any, target: Any) -> tuple[Any, Any]:
                return number, super().forward(y, target)[1]

        history = self.model(loss=Constant()).fit(IDS, LABELS, 2, verbose=0)
        assert history.history["loss"] == [float(number)]

    def test_a_metric_that_fails_leaves_its_step_uncounted(self) -> None:
        calls: list[int] = []

        def failing(y: Any, target: Any) -> Any:
            calls.append(1)
            if len(calls) == FAILS + 1:
                raise RuntimeError("no metric")
            return abs(y - target)[..., 0]

        def make() -> Sequential:
            calls.clear()
            model = self.model(optimizer=Own())  # every step is measured at once
            model.compile(Own(), "mse", ["mae", MeanMetric("failing", failing)])
            return model

        self.assert_watched_or_not(make, RuntimeError)
