"""Models for other programs, and weights from them: Keras, PyTorch, ONNX, safetensors.

    from scratchnn import exchange, load_model
    model = load_model("runs/lstm-.../model.npz")
    exchange.save_onnx(model, "model.onnx")

Each function needs a package of the extra `exchange`, which the error names where it is missing; `to_pytorch` and
`from_pytorch` need none. The commands `python -m scratchnn.exchange export` and `inspect` do the same for a run.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scratchnn.exchange.functions import (
        ExchangeError,
        from_pytorch,
        load_keras,
        load_pytorch,
        load_safetensors,
        read_keras,
        save_keras,
        save_onnx,
        save_pytorch,
        save_safetensors,
        to_onnx,
        to_pytorch,
    )

__all__ = [
    "ExchangeError",
    "from_pytorch",
    "load_keras",
    "load_pytorch",
    "load_safetensors",
    "read_keras",
    "save_keras",
    "save_onnx",
    "save_pytorch",
    "save_safetensors",
    "to_onnx",
    "to_pytorch",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """The functions, which need NumPy, when one is asked for: `--help` of the commands answers at once."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from scratchnn.exchange import functions

        return getattr(functions, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
