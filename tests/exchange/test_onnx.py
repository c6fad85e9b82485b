"""ONNX: what ONNX Runtime computes from the file is what we compute."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnn import Input, Model, Sequential
from scratchnn.exchange import ExchangeError, save_onnx, to_onnx
from scratchnn.exchange.onnx_graph import GAPS
from scratchnn.layers import GRU, LSTM, Bidirectional, Dense, Embedding, Lambda, ReLU, SimpleRNN, Softmax, UpSampling1D
from tests.exchange.models import CASES, Case, built, inputs, masks

pytest.importorskip("onnx", reason="needs the package onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the package onnxruntime")


def session(proto: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is refused on purpose is not logged
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


def expected(model: Any, x: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a mask that ends
        return model.predict(x)


@pytest.mark.parametrize("name", CASES)
def test_onnx_runtime_gives_what_we_give(name: str) -> None:
    case = CASES[name]
    model = built(case)
    run = session(to_onnx(model))
    for B, steps in ((10, 9),) if case.fixed else ((10, 9), (1, 13), (3, 8)):
        x = inputs(case, B, steps)
        (y,) = run.run(["y"], {"x": x})
        np.testing.assert_allclose(y, expected(model, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
@pytest.mark.parametrize("name", ["linear", "leaky_relu", "hard_sigmoid", "elu", "softplus", "softsign", "relu"])
def test_every_activation_of_a_recurrent_layer_is_in_the_place_of_its_own(kind: type, name: str) -> None:
    # A list of the settings holds a number for each activation that has some, and none for tanh and sigmoid.
    x = np.random.default_rng(5).normal(size=(4, 6, 3)).astype(np.float32)
    for place in ("activation",) if kind is SimpleRNN else ("activation", "recurrent_activation"):
        settings: dict[str, Any] = {place: name}
        model = Sequential([Input((None, 3)), kind(4, **settings)], seed=3, backend="reference")
        (y,) = session(to_onnx(model)).run(["y"], {"x": x})
        np.testing.assert_allclose(y, model.predict(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if masks(case.layers())])
def test_a_mask_with_gaps_is_refused_where_a_length_is_needed(name: str) -> None:
    case = CASES[name]
    model = built(case)
    run = session(to_onnx(model))
    x = inputs(case, 5)
    x[0, 3] = 0
    x[0, 4:6] = 1
    if case.gaps:  # the mask is used as it is, or ends
        np.testing.assert_allclose(run.run(None, {"x": x})[0], expected(model, x), rtol=1e-5, atol=1e-5)
    else:
        with pytest.raises(Exception, match=GAPS):
            run.run(None, {"x": x})


def test_a_functional_model_and_its_metadata(tmp_path: Path) -> None:
    import onnx

    start = Input((None,))
    model = Model(start, Dense(1, "sigmoid")(LSTM(3)(Embedding(9, 2)(start))), seed=1)
    model.metadata = {"vocabulary": ["<pad>", "é"], "test": {"loss": float("nan")}}
    save_onnx(model, tmp_path / "m.onnx")
    proto = onnx.load(tmp_path / "m.onnx")
    assert proto.producer_name == "scratchnn"
    (own,) = proto.metadata_props
    assert json.loads(own.value) == {"vocabulary": ["<pad>", "é"], "test": {"loss": None}}
    assert [node.op_type for node in proto.graph.node] == [
        "Gather", "Transpose", "LSTM", "Squeeze", "MatMul", "Add", "Sigmoid", "Identity"
    ]  # fmt: skip
    (x,), (y,) = session(proto).get_inputs(), session(proto).get_outputs()
    assert (x.shape, x.type, y.shape, y.type) == (["batch", "time"], "tensor(int64)", ["batch", 1], "tensor(float)")
    with pytest.raises(FileExistsError, match="exists already"):
        save_onnx(model, tmp_path / "m.onnx")
    save_onnx(model, tmp_path / "m.onnx", overwrite=True)


class Own(Dense):
    """Might compute something else."""


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ([Own(2)], "no rule for Own"),
        ([Lambda(lambda x: x, backward=lambda dy, y: dy)], "no rule for Lambda"),
        ([UpSampling1D(2)], "no rule for UpSampling1D.*Build the model of layers"),
        ([SimpleRNN(2, "selu")], "no activation 'selu', but linear, relu"),
        ([Bidirectional(LSTM(2), merge_mode=None)], "several outputs"),
        ([GRU(2, return_state=True)], "without return_state"),
        ([ReLU(threshold=1.0)], "threshold"),
        ([Softmax((1, 2))], "one axis"),
    ],
)
def test_what_onnx_cannot_hold_is_refused(layers: list[Any], says: str) -> None:
    with pytest.raises(ExchangeError, match=says):
        to_onnx(Sequential([Input((5, 3)), *layers], backend="reference"))


def test_other_models_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match="dtype='float32'"):
        to_onnx(built(CASES["lstm"], dtype="float64"))
    stateful = Sequential([Input(batch_shape=(2, None, 3)), LSTM(2, stateful=True)])
    with pytest.raises(ExchangeError, match="no states from call to call"):
        to_onnx(stateful)
    with pytest.raises(ExchangeError, match=r"ends in \.onnx"):
        save_onnx(built(CASES["lstm"]), tmp_path / "m.npz")
    three = Case(lambda: [Embedding(9, 2, mask_zero=True), Dense(2)])
    with pytest.raises(ExchangeError, match="rows and time steps"):
        to_onnx(Sequential([Input((4, 5)), *three.layers()]))
