"""The diagram: all it should say is in it as text, nothing overlaps, and any model fits."""

import itertools
import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import matplotlib.figure
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scratchnn.report import diagram
from scratchnn.report.diagram import LayerRow, draw_model, plot_model, rows_of, shape_text

EMBEDDING = LayerRow("embedding", "Embedding", "1,000 words, 16 numbers each", (None, 100, 16), 16_000)
LSTM = [
    EMBEDDING,
    LayerRow("lstm", "LSTM", "32 units, tanh / sigmoid", (None, 32), 6_272),
    LayerRow("dropout", "Dropout", "rate 0.2", (None, 32), 0),
    LayerRow("dense", "Dense", "1 unit", (None, 1), 33),
]
CNN = [
    EMBEDDING,
    LayerRow("conv1d", "Conv1D", "32 filters over 7 steps, relu", (None, 94, 32), 3_616),
    LayerRow("global_max_pooling1d_with_a_long_name", "GlobalMaxPooling1D", "", (None, 32), 0),
    LayerRow("dense", "Dense", " ".join(["much to say"] * 20), (None, 1), 33),
]


def texts(svg: Path) -> list[str]:
    return ["".join(element.itertext()) for element in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_all_it_says_is_text(tmp_path: Path) -> None:
    svg, png = draw_model(LSTM, tmp_path / "model", title="lstm on $imdb$", input_shape=(None, 100))
    assert (svg.name, png.name) == ("model.svg", "model.png")
    words = texts(svg)
    for row in LSTM:
        assert {row.name, row.kind, row.detail} <= set(words)
    shapes = [word for word in words if word.startswith("(B")]
    assert shapes == ["(B, 100)", "(B, 100, 16)", "(B, 32)", "(B, 32)", "(B, 1)"]
    assert {"lstm on $imdb$", "16,000 params", "no params", "22,305 parameters in all", "100 steps"} <= set(words)


def test_only_recurrent_layers_have_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loops = []
    monkeypatch.setattr(diagram, "_draw_loop", lambda ax, x, y, height, steps: loops.append(steps))
    kinds = ["SimpleRNN", "LSTM", "GRU", "Bidirectional", "Dense", "Conv1D", "MaxPooling1D", "Dropout", "Embedding"]
    draw_model([LayerRow(kind.lower(), kind, "", (None, None, 8), 1) for kind in kinds], tmp_path / "m.svg")
    assert loops == ["each step"] * 4
    draw_model(LSTM, tmp_path / "m.svg")
    assert loops[4:] == ["100 steps"]


def test_shapes_can_be_left_out(tmp_path: Path) -> None:
    (svg,) = draw_model(LSTM, tmp_path / "m.svg", input_shape=(None, 100), show_shapes=False, show_layer_names=False)
    words = texts(svg)
    assert not [word for word in words if word.startswith("(")]
    assert "lstm" not in words


def test_shape_text() -> None:
    assert [shape_text(s) for s in ((None, 100, 16), (None,), (32, 5), (None, None, 8))] == [
        "(B, 100, 16)",
        "(B,)",
        "(32, 5)",
        "(B, T, 8)",
    ]


@pytest.mark.parametrize("rows", [LSTM, CNN], ids=["lstm", "cnn"])
def test_no_text_overlaps_or_leaves_the_figure(rows: list[LayerRow], tmp_path: Path, monkeypatch) -> None:
    def check(figure: matplotlib.figure.Figure, *_: object) -> list[Path]:
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = {text.get_text(): text.get_window_extent(renderer) for text in figure.axes[0].texts}
        assert len(boxes) > 10
        for text, box in boxes.items():
            assert figure.bbox.x0 < box.x0 < box.x1 < figure.bbox.x1, text
            assert figure.bbox.y0 < box.y0 < box.y1 < figure.bbox.y1, text
        for (a, box_a), (b, box_b) in itertools.combinations(boxes.items(), 2):
            assert not box_a.overlaps(box_b), (a, b)
        return []

    monkeypatch.setattr(diagram, "save", check)
    draw_model(
        rows,
        tmp_path / "m",
        title="A title rather longer than the boxes under it are wide, to see",
        input_shape=(None, 100),
    )


def test_any_number_of_layers_fits(tmp_path: Path) -> None:
    (png,) = draw_model(LSTM * 25, tmp_path / "deep.png", dpi=400)  # 8,000 points: 45,000 pixels, if that were allowed
    _, height = struct.unpack(">II", png.read_bytes()[16:24])
    assert 32_000 < height < 2**15


def test_no_layers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        draw_model([], tmp_path / "m")


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    a, b = (draw_model(CNN, tmp_path / name, title="cnn") for name in "ab")
    assert [path.read_bytes() for path in a] == [path.read_bytes() for path in b]


def test_plot_model_reads_a_model(tmp_path: Path) -> None:
    class Dense:
        name, output_shape = "head", (None, 1)

        def __init__(self, trained: int = 33) -> None:
            self.trained = trained

        def count_params(self) -> int:
            return 33

        def count_trainable(self) -> int:
            return self.trained

        def describe(self) -> str:
            return "1 unit, linear"

    model = SimpleNamespace(layers=[Dense(0)], input_shape=(None, 32), name="tiny", trainable=True)
    assert rows_of(model) == [LayerRow("head", "Dense", "1 unit, linear, frozen", (None, 1), 33)]
    model.layers = [Dense()]
    assert rows_of(model) == [LayerRow("head", "Dense", "1 unit, linear", (None, 1), 33)]
    (svg,) = plot_model(model, to_file=tmp_path / "model.svg")
    assert {"tiny", "Dense", "head", "(B, 32)", "(B, 1)", "33 params", "33 parameters in all"} <= set(texts(svg))


def test_a_notebook_shows_the_picture(tmp_path: Path) -> None:
    """What IPython asks the value of a cell for; None: it asks for the next format."""
    both = draw_model(CNN, tmp_path / "cnn")
    svg, png = draw_model(CNN, tmp_path / "a.svg"), draw_model(CNN, tmp_path / "a.png")
    assert [each._repr_svg_() for each in (both, svg, png)] == [(tmp_path / "cnn.svg").read_text("utf-8")] * 2 + [None]
    assert [each._repr_png_() for each in (both, svg, png)] == [
        (tmp_path / "cnn.png").read_bytes(), None, (tmp_path / "a.png").read_bytes()
    ]  # fmt: skip
    assert both == [tmp_path / "cnn.svg", tmp_path / "cnn.png"]
