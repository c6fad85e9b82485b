"""The commands: what they print, what they write, and that they overwrite nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchnn import Sequential
from scratchnn.data import Vocabulary
from scratchnn.data.encoder import TextEncoder
from scratchnn.data.own.loading import ranked_words
from scratchnn.exchange import load_pytorch, load_safetensors
from scratchnn.exchange.__main__ import main
from scratchnn.exchange.export_command import FORMATS
from scratchnn.experiments.linear_model import LinearModel
from tests.exchange.models import CASES, built
from tests.own_texts import rows

COUNT = 12 * 3 + 2 * 3 * (3 * 4 + 4 * 4 + 2 * 4) + 2 * 4 * (4 * 2 + 2 * 2 + 2)  # of the model below


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run, as far as the commands read it."""
    model = built(CASES["bidirectional masked"], backend="cpu")
    model.metadata = {"vocabulary": ["<pad>", "the", "é"], "settings": {"arch": "mine"}, "epoch": 3}
    (tmp_path / "run").mkdir()
    model.save(tmp_path / "run" / "model.npz")
    (tmp_path / "run" / "config.toml").write_text('arch = "mine"\n[versions]\nnumpy = "9.9"\n', encoding="utf-8")
    return tmp_path / "run"


def needs(format: str) -> None:
    package = {"keras": "h5py", "onnx": "onnx"}.get(format, "safetensors")
    pytest.importorskip(package, reason=f"needs the package {package}")


@pytest.mark.parametrize("format", ["onnx", "keras", "safetensors"])
def test_export_writes_into_the_run_and_not_twice(
    format: str, run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    needs(format)
    assert main(["export", format, str(run)]) == 0
    file = run / FORMATS[format].file
    assert capsys.readouterr().out == (
        f"wrote {file}: {COUNT} parameters, to be opened by {FORMATS[format].opened_by}\n"
    )
    before = file.read_bytes()
    assert main(["export", format, str(run)]) == 2
    assert "exists already: give another --out FILE, or --overwrite" in capsys.readouterr().err
    other = tmp_path / file.name
    assert main(["export", format, str(run / "model.npz"), "--out", str(other)]) == 0
    assert main(["export", format, str(run), "--overwrite"]) == 0
    assert len(before) == len(other.read_bytes()) == len(file.read_bytes())
    assert main(["export", format, str(run), "--out", str(tmp_path / "m.txt")]) == 2
    assert "whose name ends in" in capsys.readouterr().err


def test_pytorch_says_what_it_cannot_hold(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    needs("pytorch")
    assert main(["export", "pytorch", str(run)]) == 2
    assert "merge_mode='sum'" in capsys.readouterr().err
    model = built(CASES["lstm masked"], backend="cpu")
    model.save(tmp_path / "m.npz")
    assert main(["export", "pytorch", str(tmp_path / "m.npz")]) == 0
    assert "note: Embedding 'embedding' masks padding" in capsys.readouterr().err
    other = built(CASES["lstm masked"])
    other.set_weights([0 * weight for weight in other.get_weights()])
    load_pytorch(other, tmp_path / "m.pytorch.safetensors")
    np.testing.assert_array_equal(other.flat_params, model.flat_params)


def test_names_of_modules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs("pytorch")
    from safetensors import safe_open

    built(CASES["lstm"], backend="cpu").save(tmp_path / "m.npz")
    command = ["export", "pytorch", str(tmp_path / "m.npz"), "--names"]
    assert main([*command, "lstm=body.rnn", "dense="]) == 0
    with safe_open(tmp_path / "m.pytorch.safetensors", framework="numpy") as file:
        assert {"body.rnn.weight_ih_l0", "embedding.weight", "bias"} <= set(file.keys())
    for names, says in (("lstm", "LAYER=MODULE"), ("lstn=rnn", "did you mean 'lstm'"), ("=rnn", "LAYER=MODULE")):
        assert main([*command, names, "--overwrite"]) == 2
        assert says in capsys.readouterr().err
    assert main(["export", "keras", str(tmp_path / "m.npz"), "--names", "lstm=rnn"]) == 2
    assert "--names is for pytorch" in capsys.readouterr().err


def test_what_export_writes_can_be_loaded(run: Path) -> None:
    needs("safetensors")
    assert main(["export", "safetensors", str(run)]) == 0
    model = built(CASES["bidirectional masked"])
    expected = model.flat_params.copy()
    model.set_weights([0 * weight for weight in model.get_weights()])
    load_safetensors(model, run / "model.safetensors")
    np.testing.assert_array_equal(model.flat_params, expected)


def test_inspect_as_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["class"], found["dtype"], found["parameters"]) == ("Sequential", "float32", COUNT)
    assert found["vocabulary"] == {"size": 3, "first": ["<pad>", "the", "é"]}
    assert found["settings"] == {"arch": "mine"}
    own = found["provenance"]
    assert (own["epoch"], own["versions"], own["file"]) == (3, {"numpy": "9.9"}, str(run / "model.npz"))
    embedding, gru, lstm = found["layers"]
    model = built(CASES["bidirectional masked"])
    assert embedding["arrays"][0]["columns"] is None
    assert [array["name"] for array in gru["arrays"]] == [
        f"{side}.{name}" for side in ("forward", "backward") for name in ("Wx", "Wh", "bx", "bh")
    ]
    Wx, array = lstm["arrays"][0], model.layers[2].forward_layer.params["Wx"]
    assert (Wx["name"], Wx["keras"], Wx["shape"]) == ("forward.Wx", "kernel", [4, 8])
    assert Wx["norm"] == pytest.approx(np.linalg.norm(array), rel=1e-6)
    assert {gate: (part["from"], part["to"]) for gate, part in Wx["columns"].items()} == {
        "i": (0, 2), "f": (2, 4), "g": (4, 6), "o": (6, 8)
    }  # fmt: skip
    assert Wx["columns"]["f"]["norm"] == pytest.approx(np.linalg.norm(array[:, 2:4]), rel=1e-6)
    assert list(gru["arrays"][3]["columns"]) == ["z", "r", "g"]


def test_inspect_as_text(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(run)]) == 0
    text = capsys.readouterr().out
    for part in (
        f"(None, None) -> (None, 2), {COUNT} parameters",
        "gates: z update gate, r reset gate, g candidate, i input gate, f forget gate, o output gate",
        "vocabulary: 3 words, from id 0: <pad> the é",
        "  arch = mine",
        "  versions = numpy 9.9",
    ):
        assert part in text


def test_numbers_that_are_not_finite_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = built(CASES["lstm"])
    model.layers[1].params["b"][:3] = np.nan
    model.save(tmp_path / "m.npz")
    assert main(["inspect", str(tmp_path / "m.npz"), "--json"]) == 0
    b = json.loads(capsys.readouterr().out)["layers"][1]["arrays"][2]
    assert b["not_finite"] == 3 and b["columns"]["i"]["not_finite"] == 3 and b["columns"]["f"]["not_finite"] == 0
    assert main(["inspect", str(tmp_path / "m.npz")]) == 0
    assert "3 not finite" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "the first word is export or inspect, got ''"),
        (["import"], "got 'import'"),
        (["inspect", "nowhere"], "neither the folder of a run"),
        (["export", "onnx", "nowhere"], "neither the folder of a run"),
    ],
)
def test_bad_arguments(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from scratchnn.exchange.__main__ import main\ntry: main(['export', '--help'])\nexcept SystemExit: "
    )
    script += "print([name for name in ('numpy', 'numba', 'onnx', 'h5py') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("[]\n")


def test_a_missing_package_is_named_with_the_extra(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for format, package in (("onnx", "onnx"), ("keras", "h5py"), ("safetensors", "safetensors")):
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setitem(sys.modules, f"{package}.numpy", None)
        assert main(["export", format, str(run)]) == 2
        assert f"needs the package {package}" in (said := capsys.readouterr().err)
        assert 'pip install "scratchnn[exchange]"' in said


def test_names_of_the_face() -> None:
    import scratchnn

    assert scratchnn.exchange.save_onnx is not None
    with pytest.raises(AttributeError, match="has no attribute 'save_tflite'"):
        _ = scratchnn.exchange.save_tflite
    assert isinstance(built(CASES["lstm"]), Sequential)


@pytest.mark.parametrize("classes", [("bad", "good"), ("bad", "good", "odd")])
def test_a_linear_model_is_exported_and_inspected(
    classes: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, labels = zip(*rows(40, *classes), strict=True)
    encoder = TextEncoder(Vocabulary.from_ranked(ranked_words(texts, 1), 60), 8, classes)
    y = np.array([classes.index(label) for label in labels])
    model = LinearModel.fit(encoder.encode(texts), y, encoder)
    model.save(tmp_path / "linear.npz")
    assert main(["inspect", str(tmp_path / "linear.npz")]) == 0
    told = capsys.readouterr().out
    words = sum(code < 1 << 17 for code in model.known)
    assert f"LinearModel, {words:,} words and {len(model.known) - words:,} pairs of neighbouring words" in told
    most = model.words_of(int((-model.weights[-1]).argsort(kind="stable")[0]))
    assert re.search(rf"^{classes[-1]} +{most} ", told, re.MULTILINE)
    assert main(["export", "keras", str(tmp_path / "linear.npz")]) == 2
    assert "a linear model, which can be exported as onnx" in capsys.readouterr().err

    needs("onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the package onnxruntime")
    assert main(["export", "onnx", str(tmp_path / "linear.npz")]) == 0
    assert f"wrote {tmp_path / 'linear.onnx'}: {len(model.known)} features" in capsys.readouterr().out
    x = encoder.encode(["", "zzz", texts[0], f"{texts[1]} {texts[1]}", *texts])
    session = onnxruntime.InferenceSession(tmp_path / "linear.onnx", providers=["CPUExecutionProvider"])
    (p,) = session.run(["y"], {"x": x.astype(np.int64)})
    np.testing.assert_allclose(p, model.proba_of(x)[:, -p.shape[1] :], atol=1e-6)
    known = json.loads(session.get_modelmeta().custom_metadata_map["scratchnn"])
    assert known["classes"] == list(classes)


def test_a_file_is_exported_under_its_own_name(run: Path) -> None:
    needs("safetensors")
    (run / "model.npz").rename(run / "best.npz")
    assert main(["export", "safetensors", str(run / "best.npz")]) == 0
    assert (run / "best.safetensors").is_file()
