"""What `scratchnn.exchange` offers, loaded when it is first asked for: see there."""

from scratchnn.exchange.errors import ExchangeError
from scratchnn.exchange.keras_model import read_keras
from scratchnn.exchange.keras_weights import load_keras, save_keras
from scratchnn.exchange.onnx_file import save_onnx, to_onnx
from scratchnn.exchange.pytorch import from_pytorch, to_pytorch
from scratchnn.exchange.pytorch_file import load_pytorch, save_pytorch
from scratchnn.exchange.safetensors_file import load_safetensors, save_safetensors

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
