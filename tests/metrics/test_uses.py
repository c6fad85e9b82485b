"""Metrics as users write them: names, objects, functions, files, masks and weights, and what is refused."""

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

from scratchnn import Sequential, load_model, losses, metrics
from scratchnn.layers import Dense, Embedding, SimpleRNN
from scratchnn.metrics import AUC, BinaryAccuracy, F1Score, MeanMetricWrapper, Metric, Precision
from scratchnn.models.checkpoint import load_checkpoint, save_checkpoint
from scratchnn.training.progress import Progress

X = np.linspace(-1, 1, 40).reshape(20, 2)
LABELS = (X[:, 0] ** 2 > 0.3).astype(float)


def model_with(given: Any, *, weighted: Any = None, loss: Any = "bce", backend: str = "cpu") -> Sequential:
    model = Sequential([Dense(1, activation="sigmoid")], seed=1, backend=backend)
    model.compile("sgd", loss, given, weighted_metrics=weighted)
    return model


def results(given: Any, **settings: Any) -> dict[str, float]:
    found = model_with(given, **settings).evaluate(X, LABELS, batch_size=8, verbose=0, return_dict=True)
    assert isinstance(found, dict)
    return found


def own(t: Any, p: Any) -> Any:
    return abs(t - 2 * p)[..., 0]


def of_batch(y_true: Any, y_pred: Any) -> float:
    return float(np.max(y_pred))


def test_keys_are_those_of_keras() -> None:
    given = ["AUC", "mse", "acc", Precision(name="p"), losses.mean_absolute_error, own, losses.Huber(), AUC, "MSE"]
    keys = ["loss", "AUC", "mse", "acc", "p", "mean_absolute_error", "own", "huber_loss", "MSE"]
    found = list(results(given))
    assert [key for key in found if not key.startswith("auc")] == keys
    assert list(model_with([["mse", "acc"]]).fit(X, LABELS, verbose=0).history) == ["loss", "acc", "mse"]
    assert list(results(BinaryAccuracy(threshold=0.3))) == ["loss", "binary_accuracy"]


def test_objects_without_a_name_are_numbered() -> None:
    first, second = metrics.Recall(), metrics.Recall()
    number = int(first.name.removeprefix("recall").removeprefix("_") or 0)
    assert second.name == f"recall_{number + 1}"
    assert F1Score().name == F1Score().name == "f1_score"


def test_a_function_has_the_order_of_keras() -> None:
    y = model_with([]).predict(X, verbose=0)[:, 0]
    found = results([own, of_batch, MeanMetricWrapper(own, name="wrapped"), metrics.MeanMetric("mean", own)])
    for name in ("own", "wrapped", "mean"):
        assert found[name] == pytest.approx(abs(LABELS - 2 * y).mean(), rel=1e-6)
    # One number for a batch: the mean over batches of 8, 8 and 4, as in Keras.
    assert found["of_batch"] == pytest.approx(np.mean([y[:8].max(), y[8:16].max(), y[16:].max()]), rel=1e-6)
    with pytest.raises(ValueError, match="'of_batch' has values of shape"):
        model_with([], weighted=[of_batch]).evaluate(X, LABELS, verbose=0, sample_weight=np.ones(20))


class Largest(Metric):
    """As one writes it for Keras."""

    def __init__(self, name: str = "largest", **settings: Any) -> None:
        super().__init__(name=name, **settings)
        self.largest = self.add_weight(name="largest", initializer="zeros")
        self.batches = self.add_variable((2,), "zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.largest.assign(np.maximum(self.largest, y_pred.max()))
        self.batches.assign_add(np.array([1, 0]))

    def result(self) -> Any:
        return self.largest


def test_a_metric_of_ones_own_is_written_as_for_keras() -> None:
    metric = Largest()
    assert metric([0.0], np.array([0.5])) == 0.5 and metric.counts() == [0.5, 1, 0]
    model = model_with([metric])
    y = model.predict(X, verbose=0)
    assert results([metric])["largest"] == y.max() and metric.counts() == [0.5, 1, 0]
    history = model.fit(X, LABELS, epochs=2, verbose=0).history
    assert len(history["largest"]) == 2 and isinstance(history["largest"][0], float)


def test_metrics_come_back_from_a_file(tmp_path: Any) -> None:
    given = [
        "acc",
        Precision(0.3, name="p"),
        AUC(curve="PR", name="a"),
        losses.mse,
        F1Score("micro", 0.4),
        metrics.Recall,
    ]
    model = model_with([*given, own], weighted=[BinaryAccuracy(threshold=0.2), of_batch])
    model.fit(X, LABELS, verbose=0)
    with pytest.warns(UserWarning, match="will not hold the metric own, of_batch, which is of your own"):
        model.save(tmp_path / "model.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_model(tmp_path / "model.npz")
        loaded.save(tmp_path / "again.npz")
    expected = model.evaluate(X, LABELS, verbose=0, return_dict=True)
    for same in (loaded, load_model(tmp_path / "again.npz")):
        found = same.evaluate(X, LABELS, verbose=0, return_dict=True)
        assert isinstance(found, dict) and isinstance(expected, dict)
        assert found.items() <= expected.items() and len(found) == len(expected) - 2


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_counts_survive_a_resume_within_an_epoch(backend: str, tmp_path: Any) -> None:
    given = [AUC(name="a"), Precision(name="p"), F1Score(threshold=0.5), "mse", AUC(multi_label=True, name="m")]

    def fit(model: Sequential, progress: Progress, stops: int | None) -> Any:
        from scratchnn.callbacks import Callback

        class Stop(Callback):
            def on_batch_end(self, batch: int, logs: Any = None) -> None:
                self.model.stop_training = batch == stops

        return model.fit(X, LABELS, batch_size=4, epochs=2, verbose=0, progress=progress, callbacks=[Stop()]).history

    expected = fit(model_with(given, backend=backend), Progress(), None)
    model, progress = model_with(given, backend=backend), Progress()
    with pytest.raises(KeyboardInterrupt):
        _interrupted(model, progress, given)
    assert progress.step == 3 and len(progress.counts["a"]) == 800
    save_checkpoint(model, progress, tmp_path / "checkpoint.npz")
    model, progress = load_checkpoint(tmp_path / "checkpoint.npz")
    assert fit(model, progress, None) == expected


def _interrupted(model: Sequential, progress: Progress, given: Any) -> None:
    from scratchnn.callbacks import Callback

    class Interrupt(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                raise KeyboardInterrupt

    model.fit(X, LABELS, batch_size=4, epochs=2, verbose=0, progress=progress, callbacks=[Interrupt()])


def test_padding_counts_where_it_does_in_keras() -> None:
    ids = np.array([[1, 2, 0, 0], [3, 1, 2, 0]])
    target = np.array([[1, 0, 1, 1], [0, 1, 1, 1]], float)[..., np.newaxis]
    model = Sequential([Embedding(5, 3, mask_zero=True), SimpleRNN(4, return_sequences=True), Dense(1, "sigmoid")])
    model.build((None, 4))
    for layer in model.layers:
        layer.set_weights([np.linspace(-1, 1, w.size).reshape(w.shape) for w in layer.get_weights()])
    given = [Precision(name="p"), metrics.RootMeanSquaredError(), BinaryAccuracy(), "mse", "bce"]
    model.compile("sgd", "bce", given, weighted_metrics=[metrics.TruePositives(name="tp"), "mae"])
    found = model.evaluate(ids, target, verbose=0, return_dict=True, sample_weight=np.full((2, 4), 0.5))
    y = model.predict(ids, verbose=0)
    counts = ids != 0
    # keras.Model.evaluate of the same model: precision, root_mean_squared_error and true_positives count padding.
    assert found == {
        "loss": pytest.approx(0.8030769 / 2, rel=1e-5),
        "p": 0.75,
        "root_mean_squared_error": pytest.approx(0.5081368, rel=1e-5),
        "binary_accuracy": pytest.approx(0.6),
        "mse": pytest.approx(0.300856, rel=1e-5),
        "bce": pytest.approx(0.8030769, rel=1e-5),
        "tp": 1.5,
        "mae": pytest.approx(np.abs(y - target)[..., 0][counts].mean(), rel=1e-5),
    }


def test_a_cross_entropy_goes_through_the_logits_where_the_loss_does() -> None:
    model = model_with(["binary_crossentropy", metrics.BinaryCrossentropy(name="b")])
    model.build((None, 2))
    model.set_weights([np.full((2, 1), 200.0), np.zeros(1)])
    loss, *same = model.evaluate(X, 1 - (X[:, 0] > 0), verbose=0)
    assert same == [pytest.approx(loss, rel=1e-6)] * 2 and loss > 100


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([F1Score()], None, ""),
        ([metrics.Recall([0.2, 0.5], name="r")], ValueError, "'r' has 2 thresholds, and gives as many numbers"),
        (["sparse_categorical_crossentropy"], ValueError, "needs class numbers of shape"),
        (["SensitivityAtSpecificity"], ValueError, "needs its arguments, so give the object"),
        ([metrics.Mean()], TypeError, "Mean counts numbers that it is given"),
        ([3], TypeError, r"a metric is a name, a Metric or a function \(y_true, y_pred\), got 3"),
        ({"out": "mse"}, TypeError, "a model has one output, so its metrics are a list, not a dict"),
        (["presicion"], ValueError, "did you mean 'precision'"),
    ],
)
def test_what_is_refused(given: Any, error: Any, message: str) -> None:
    if error is None:
        assert "f1_score" in results(given)
        return
    with pytest.raises(error, match=message):
        model_with(given).fit(X, LABELS, verbose=0)


def test_several_numbers_are_refused_before_training() -> None:
    model = Sequential([Dense(3, activation="softmax")], seed=1)
    model.compile("sgd", "categorical_crossentropy", [F1Score()])
    with pytest.raises(ValueError, match="'f1_score' has average=None, which gives 3 numbers"):
        model.fit(X, np.eye(3)[np.arange(20) % 3], verbose=0)
    model.compile("sgd", "categorical_crossentropy", [F1Score("macro"), "AUC", "top_k_categorical_accuracy"])
    model.fit(X, np.eye(3)[np.arange(20) % 3], verbose=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Precision(1.5), "thresholds must be numbers from 0 to 1, got 1.5"),
        (lambda: Precision([0.5, 0.2]), "thresholds must rise"),
        (lambda: AUC(curve="LIFT"), "curve must be 'ROC', 'PR' or 'PRGAIN', got 'LIFT'"),
        (lambda: AUC(1), "num_thresholds must be a whole number from 2 to 1000000"),
        (lambda: AUC(dtype="float16"), "AUC: dtype='float16' is refused: a metric counts in float64"),
        (lambda: F1Score("samples"), "average must be None, 'micro', 'macro' or 'weighted', got 'samples'"),
        (lambda: metrics.FBetaScore(beta=2), "beta must be a float above 0, got 2"),
        (lambda: metrics.SparseCategoricalCrossentropy(ignore_class=1), "ignore_class must be None in the metric"),
        (lambda: metrics.R2Score(num_regressors=2), "R2Score: num_regressors=2 is refused: the adjusted"),
        (lambda: BinaryAccuracy()([1.0, 0.0], [[0.5, 0.5]]), "needs a target for each number of the outputs"),
        (lambda: metrics.CosineSimilarity()([[1.0]], [[1.0, 2.0]]), "needs a target for each number of the outputs"),
    ],
)
def test_what_a_metric_refuses(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AUC(foo=1), "AUC takes no argument 'foo'"),
        (lambda: AUC(num_threshold=5), r"AUC takes no argument 'num_threshold'; did you mean 'num_thresholds'\?"),
        (lambda: metrics.F1Score(bta=2.0), "F1Score takes no argument 'bta'"),
        (lambda: metrics.Metric(nam="a"), r"Metric takes no argument 'nam'; did you mean 'name'\?"),
    ],
)
def test_unknown_arguments_are_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


def test_a_metric_of_ones_own_sets_what_it_likes_and_may_be_renamed() -> None:
    metric = Largest("l")
    metric.anything = 3  # type: ignore[attr-defined]
    metric.name = "other"
    assert list(results([metric])) == ["loss", "other"]
    with pytest.raises(ValueError, match="Largest: dtype='float16' is refused: a metric counts in float64"):
        Largest(dtype="float16")
    wrapped = MeanMetricWrapper(metrics.top_k_categorical_accuracy, name="top", k=2)
    assert wrapped([[0, 0, 1]], np.array([[0.5, 0.1, 0.4]])) == 1
    assert (wrapped.kwargs, wrapped.per_batch) == ({"k": 2}, False)


@pytest.mark.parametrize("kind", [*metrics._KINDS, metrics.Mean])
def test_settings_are_fixed_when_a_metric_is_made(kind: Any) -> None:
    """The arrays that it counts in depend on them. What it does not keep is refused as well."""
    parameters = inspect.signature(kind).parameters.values()
    metric = kind(**{each.name: 0.5 for each in parameters if each.default is each.empty})
    for each in parameters:
        if each.name != "name":
            with pytest.raises(AttributeError, match=f"{each.name}"):
                setattr(metric, each.name, 2)
    assert metric.get_config() == type(metric).from_config(metric.get_config()).get_config()


class TheirMetric:
    """What a metric of Keras' looks like."""

    __module__ = "keras.src.metrics.regression_metrics"
    name = "mean_absolute_error"

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        raise AssertionError("it is never called")


class OfTheirs(TheirMetric):
    """Derived from one."""


class MeanAbsoluteError(TheirMetric):
    __module__ = "keras.src.metrics.regression_metrics"


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    raise AssertionError("it is never called")


mean_absolute_error.__module__ = "keras.src.losses.losses"


class LikeAMetric:
    def __call__(self, y_true: Any, y_pred: Any) -> float:
        return 0.0

    def update_state(self, y_true: Any, y_pred: Any) -> None: ...


class Tensor:
    """What a function that computes with another framework returns: no sum, but a shape."""

    shape = (20,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (MeanAbsoluteError(), "MeanAbsoluteError is of keras, .*: give scratchnn.metrics.MeanAbsoluteError"),
        (MeanAbsoluteError, "MeanAbsoluteError is of keras, .*: give scratchnn.metrics.MeanAbsoluteError"),
        (mean_absolute_error, "mean_absolute_error is of keras, .*: give scratchnn.metrics.mean_absolute_error"),
        (OfTheirs(), "OfTheirs is of keras, .*: derive one from scratchnn.metrics.Metric"),
        (LikeAMetric(), "a metric like LikeAMetric must be derived from scratchnn.metrics.Metric"),
    ],
)
def test_what_is_of_keras_is_refused_when_it_is_compiled(given: Any, message: str) -> None:
    for settings in ({"metrics": [given]}, {"weighted_metrics": [given]}):
        with pytest.raises(TypeError, match=message):
            Sequential([Dense(1)]).compile("sgd", "mse", **settings)


def test_tensors_of_another_framework_are_no_values() -> None:
    def theirs(y_true: Any, y_pred: Any) -> Any:
        return Tensor()

    with pytest.raises(TypeError, match="'theirs' must return one value for each example, or one number, got <"):
        results([theirs])


def test_the_cosine_similarity_is_what_was_asked_for(tmp_path: Any) -> None:
    """In Keras the metric is the cosine, and the function, which is the loss's, its negative."""
    model = model_with(["cosine_similarity", losses.cosine_similarity, metrics.huber])
    found = model.evaluate(X, LABELS, verbose=0, return_dict=True)
    assert isinstance(found, dict) and found["cosine_similarity"] > 0
    assert found["cosine_similarity_1"] == pytest.approx(-found["cosine_similarity"])
    model.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz").evaluate(X, LABELS, verbose=0, return_dict=True)
    assert again == found


def test_results_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    integrate = AUC.result
    monkeypatch.setattr(AUC, "result", lambda self: counted.append(1) or integrate(self))
    results([AUC(name="a")])
    assert len(counted) == 1
