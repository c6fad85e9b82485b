"""Keras' side of every comparison: the recorder and the live tests both come through here.

Layers run on Keras' TensorFlow backend, eagerly, because a trace per case would cost more than the case. Training runs
go through Keras' JAX backend instead: see `train`.
"""

from typing import Any

import keras
import numpy as np

from tests.parity.cases import LayerCase, construct
from tests.parity.long_cases import LongCase
from tests.parity.start_cases import StartCase
from tests.parity.stream_cases import StreamCase
from tests.parity.training_cases import TrainingCase, summary


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
    keras.config.set_floatx(case.dtype)
    try:
        return case.kept(run_keras(case))
    finally:
        keras.config.set_floatx("float32")


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
