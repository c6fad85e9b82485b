"""Keras' side of every comparison: the recorder and the live tests both come through here.

Layers run on Keras' TensorFlow backend, eagerly, because a trace per case would cost more than the case. Training runs
go through Keras' JAX backend instead: see `train`.
"""

import itertools
import warnings
from typing import Any

import keras
import numpy as np

from tests.parity.cases import LayerCase, construct
from tests.parity.grammar import Configuration, state_count
from tests.parity.grammar_arrays import Arrays
from tests.parity.long_cases import LongCase
from tests.parity.start_cases import StartCase
from tests.parity.stream_cases import StreamCase
from tests.parity.training_cases import TrainingCase, summary
from tests.parity.window_cases import gone_over


def run_keras(case: LayerCase) -> dict[str, np.ndarray]:
    """Outputs, masks, parameter count and all gradients of Σ y ⊙ dy, named as in `run_ours`."""
    import tensorflow as tf

    layers = [construct(keras.layers, layer) for layer in case.layers]
    x = tf.constant(case.inputs())
    states = None if not case.state else [tf.constant(state) for state in case.initial_states()]
    _forward(layers, x, case, states)  # builds the layers
    variables = [v for layer in layers for v in layer.trainable_variables]
    for number, variable in enumerate(variables):
        variable.assign(case.weight(number, variable.shape))
    _inject_dropout(layers[0], case)

    real = x.dtype.is_floating
    sources = [*([x] if real else []), *(states or []), *(v.value for v in variables)]
    with tf.GradientTape() as tape:
        for source in sources[: len(sources) - len(variables)]:
            tape.watch(source)
        outputs, masks = _forward(layers, x, case, states)
        loss = sum(tf.reduce_sum(y * case.output_gradient(i, y.shape)) for i, y in enumerate(outputs))
    gradients = tape.gradient(loss, sources, unconnected_gradients="zero")
    # Repeated ids come as separate slices; converting them to a dense array adds them up.
    gradients = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]

    results = {"count": np.array(sum(layer.count_params() for layer in layers))}
    results |= {f"y{i}": y.numpy() for i, y in enumerate(outputs)}
    results |= {f"mask{i}": np.asarray(mask) for i, mask in enumerate(masks) if mask is not None}
    names = [*(["dx"] if real else []), *(f"dstate{i}" for i in range(len(states or [])))]
    names += [f"dweight{i}" for i in range(len(variables))]
    return results | dict(zip(names, gradients, strict=True))


def run_long(case: LongCase) -> dict[str, np.ndarray]:
    """The same in float64, as far as it is kept."""
    keras.backend.clear_session()  # Keras keeps the dtype of the first layer that it made for all that follow
    keras.config.set_floatx(case.dtype)
    try:
        return case.kept(run_keras(case))
    finally:
        keras.config.set_floatx("float32")
        keras.backend.clear_session()


def _forward(layers: list[Any], x: Any, case: LayerCase, states: Any) -> tuple[list[Any], list[Any]]:
    """All outputs of the last layer, and the mask that Keras attached to the (first) output of every layer."""
    options: dict[str, Any] = {}
    if case.mask is not None:
        options["mask"] = case.mask_array()
    if states is not None:
        options["initial_state"] = states
    if any(mask is not None for mask in case.dropout_masks()):
        options["training"] = True
    y, outputs, masks = x, [], []
    for layer in layers:
        y = layer(y, **options)
        options = {}
        outputs = list(y) if isinstance(y, list | tuple) else [y]
        masks.append(getattr(outputs[0], "_keras_mask", None))
    return outputs, masks


def _inject_dropout(layer: Any, case: LayerCase) -> None:
    """Replace the random masks of a recurrent layer; Keras wants a list where each gate has its own."""
    for masks, method in zip(case.dropout_masks(), ("get_dropout_mask", "get_recurrent_dropout_mask"), strict=True):
        if masks is not None:
            per_gate = hasattr(layer.cell, "dropout_mask_count")
            setattr(layer.cell, method, lambda _, masks=list(masks) if per_gate else masks[0]: masks)


def start(case: StartCase) -> dict[str, np.ndarray]:
    """How the weights of a fresh layer are spread."""

    def draw(number: int) -> list[np.ndarray]:
        keras.utils.set_random_seed(number)
        layer = construct(keras.layers, case.layer)
        layer.build(case.shape)
        return layer.get_weights()

    return case.spread(draw)


def train(case: TrainingCase) -> dict[str, np.ndarray]:
    """The loss of every step, and what is left of the weights in a few numbers.

    On the JAX backend, where an embedding's gradient is dense. TensorFlow hands Adam and RMSprop one slice per
    occurrence of an id, and squares those before it adds them: a different step, in the fourth digit of the loss.
    """
    assert keras.backend.backend() == "jax", "step curves are recorded with dense embedding gradients"
    model = keras.Sequential([construct(keras.layers, layer) for layer in case.layers])
    model.build((None, case.length))
    start = [case.weight(number, weight.shape) for number, weight in enumerate(model.get_weights())]
    model.set_weights(start)
    model.compile(optimizer=construct(keras.optimizers, case.optimizer), loss="binary_crossentropy")

    def loss_of_each(on_batch: Any) -> list[float]:
        losses = []
        for x, y in case.batches():
            model.reset_metrics()  # otherwise Keras returns the mean of all batches so far
            losses.append(float(on_batch(x, y)))
        return losses

    untrained, losses = loss_of_each(model.test_on_batch), loss_of_each(model.train_on_batch)
    results = {"count": model.count_params(), "losses": losses, "untrained": untrained}
    return {key: np.array(value) for key, value in results.items()} | summary(start, model.get_weights())


def stream(case: StreamCase) -> dict[str, np.ndarray]:
    """Losses, outputs, states and weights along a stream, named as in `run_ours` of test_streams.py."""
    model = keras.Sequential(
        [keras.Input(batch_shape=case.input_shape()), *(construct(keras.layers, layer) for layer in case.layers)]
    )
    model.set_weights([case.weight(number, weight.shape) for number, weight in enumerate(model.get_weights())])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    stateful = [layer for layer in model.layers if getattr(layer, "stateful", False)]

    def states() -> list[np.ndarray]:
        return [np.array(state) for layer in stateful for state in layer.states]

    *training, (x_test, y_test), (x, _) = case.windows()
    losses = []
    for x_window, y_window in training:
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x_window, y_window)))
    results = {"losses": np.array(losses)} | {f"trained {i}": state for i, state in enumerate(states())}
    results["loss"] = np.array(model.evaluate(x_test, y_test, verbose=0))
    results["y"] = model.predict(x, verbose=0)
    results |= {f"state {i}": state for i, state in enumerate(states())}
    for layer in stateful:
        layer.reset_states()
    results["y from zeros"] = model.predict(x, verbose=0)
    return results | {f"weight {i}": weight for i, weight in enumerate(model.get_weights())}


def windows(arguments: dict[str, Any]) -> dict[str, np.ndarray]:
    return gone_over(keras.utils.timeseries_dataset_from_array(**arguments))


def grammar(case: Configuration) -> dict[str, np.ndarray]:
    """All that a whole model gives, named as in `run_ours` of test_grammar.py. Eagerly: a graph costs seconds."""
    keras.backend.clear_session()
    keras.config.set_floatx(case.dtype)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras warns where a mask ends
            return _whole_model(case, Arrays(case))
    finally:
        keras.config.set_floatx("float32")
        keras.backend.clear_session()


def _whole_model(case: Configuration, arrays: Arrays) -> dict[str, np.ndarray]:
    import tensorflow as tf

    class KeepsGradients(keras.optimizers.SGD):
        kept: Any = None

        def apply(self, grads: Any, trainable_variables: Any = None) -> None:
            self.kept = [tf.convert_to_tensor(grad).numpy() for grad in grads]
            super().apply(grads, trainable_variables)

    carried = case.states == "carried"
    layers = [construct(keras.layers, layer) for layer in case.layers]
    x = keras.Input(
        batch_shape=(case.batch_size if carried else None, *arrays.x.shape[1:]),
        dtype="int32" if case.x == "ids" else case.dtype,
    )
    y, states = x, []
    for layer in layers:
        outputs = layer(y)
        y, *after = outputs if isinstance(outputs, list | tuple) else [outputs]
        states += after
    model = keras.Model(x, y)
    start = [arrays.weight(number, weight.shape) for number, weight in enumerate(model.get_weights())]
    model.set_weights(start)
    last, optimizer = case.ending, KeepsGradients(0.1)
    options: dict[str, Any] = last.measured(keras.metrics, case.dtype)
    model.compile(optimizer, construct(keras.losses, last.loss), run_eagerly=True, jit_compile=False, **options)

    predict: dict[str, Any] = {"batch_size": case.batch_size, "verbose": 0}
    results: dict[str, Any] = {"y": model.predict(arrays.x, **predict)}
    if case.states == "returned":
        returned = keras.Model(x, states)
        returned.compile(run_eagerly=True)
        found = returned.predict(arrays.x, **predict)
        results |= {f"state {i}": each for i, each in enumerate(found if len(states) > 1 else [found])}
    if case.states == "given":
        results |= _from_given_states(arrays, layers)
    values = model.evaluate(arrays.x, arrays.y, sample_weight=arrays.sample_weight, return_dict=True, **predict)
    results |= {f"evaluate {key}": value for key, value in values.items()}
    model.reset_metrics()  # otherwise Keras returns the mean of all batches so far
    results["batch loss"] = model.train_on_batch(**arrays.first_batch, return_dict=True)["loss"]
    results |= {f"gradient {i}": gradient for i, gradient in enumerate(optimizer.kept)}
    model.set_weights(start)
    history = model.fit(arrays.x, arrays.y, shuffle=False, **predict, **arrays.in_fit).history
    results |= {f"fit {key}": value for key, (value,) in history.items()}
    if carried:
        found = [state for layer in layers if getattr(layer, "stateful", False) for state in layer.states]
        results |= {f"state {i}": np.array(state) for i, state in enumerate(found)}
    results |= {f"weight {i}": weight for i, weight in enumerate(model.get_weights())}
    return {key: np.asarray(value, case.dtype) for key, value in results.items()}


def _from_given_states(arrays: Arrays, layers: list[Any]) -> dict[str, Any]:
    """Outputs and last states of layers that are given their first states, and the gradients of Σ y ⊙ dy."""
    import tensorflow as tf

    counts = [state_count(layer) for layer in arrays.case.layers]
    numbers = itertools.count()
    given = [[tf.constant(arrays.state(next(numbers), units)) for _ in range(count)] for count, units in counts]
    variables = [variable.value for layer in layers for variable in layer.trainable_variables]
    after: list[Any] = []
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = tf.constant(arrays.x)
        for layer, states in zip(layers, given, strict=True):
            # Keras' layers lose the mask that their input brings along when they are given states, so it is named.
            outputs = layer(y, initial_state=states, mask=getattr(y, "_keras_mask", None)) if states else layer(y)
            y, *last = outputs if isinstance(outputs, list | tuple) else [outputs]
            after += last
        loss = tf.reduce_sum(y * arrays.output_gradient(y.shape))
    given = [state for states in given for state in states]
    gradients = tape.gradient(loss, [*given, *variables], unconnected_gradients="zero")
    gradients = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    results = {"y from states": y.numpy()} | {f"state {i}": each.numpy() for i, each in enumerate(after)}
    results |= {f"dstate {i}": gradient for i, gradient in enumerate(gradients[: len(given)])}
    return results | {f"dweight {i}": gradient for i, gradient in enumerate(gradients[len(given) :])}
