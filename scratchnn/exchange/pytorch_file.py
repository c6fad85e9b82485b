"""Files with a `state_dict`: safetensors, or PyTorch's own, which PyTorch reads where it is installed.

There is no unpickler here. PyTorch's reads with `weights_only=True`, which makes tensors and nothing else.
"""

import os
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from scratchnn.core.files.atomic import write_atomically
from scratchnn.core.files.bounded import open_zip
from scratchnn.exchange import safetensors_file
from scratchnn.exchange.errors import ExchangeError, source, target
from scratchnn.exchange.pytorch import Names, plan_for, take_over, to_pytorch
from scratchnn.models.model import Model

OWN = (".pt", ".pth", ".bin")  # of PyTorch's own format
_MOST_PICKLE_BYTES = 2**20  # what describes the tensors; 200 bytes for each of them


def save_pytorch(model: Model, path: str | os.PathLike[str], names: Names = None, *, overwrite: bool = False) -> None:
    """Write what `to_pytorch` returns: as safetensors, or, with PyTorch installed, as `torch.save` does.

    Raises:
        FileExistsError, OSError: as `Model.save`.
        ExchangeError: as `to_pytorch`, and for a name that ends neither in .safetensors nor in .pt, .pth or .bin.
        ImportError: without the package for the file.
    """
    file = target(path, "save_pytorch", (".safetensors", *OWN), overwrite)
    state = to_pytorch(model, names)
    if file.suffix not in OWN:
        safetensors_file.write(file, state, {"format": "pt"})
        return
    torch, buffer = _torch(), BytesIO()
    torch.save({key: torch.from_numpy(array) for key, array in state.items()}, buffer)
    write_atomically(file, [buffer.getvalue()])


def load_pytorch(model: Model, path: str | os.PathLike[str], names: Names = None) -> None:
    """Give a model the weights of a file with a `state_dict`, all or none of them.

    Raises:
        ExchangeError: as `from_pytorch`, and for a damaged file, or one that holds more than tensors.
        ImportError: without the package for the file.
    """
    file = source(path, "load_pytorch")
    model.require_built()
    if file.suffix in OWN:
        state = _tensors(file)
        plan = plan_for(model, {key: tuple(tensor.shape) for key, tensor in state.items()}, names, ordered=True)
        take_over(model, {key: _array(key, tensor) for key, tensor in state.items()}, plan)
    else:
        shapes = {key: entry.shape for key, entry in safetensors_file.listing(file).items()}
        plan = plan_for(model, shapes, names, ordered=False)
        take_over(model, safetensors_file.read(file), plan)


def _torch() -> Any:
    try:
        import torch  # noqa: TID251  # pyright: ignore[reportMissingImports] - the reader of its own files; nothing is computed with it
    except ImportError:
        raise ImportError(
            "files in PyTorch's own format need PyTorch: install torch, or write them as .safetensors there"
        ) from None
    return torch


def _tensors(file: Path) -> dict[str, Any]:
    """The tensors of a file, not read into memory yet: they are mapped."""
    try:
        with open_zip(file) as archive:
            members = archive.infolist()
    except Exception:  # zipfile raises a dozen types for damage
        raise ExchangeError(f"{file} is no file of torch.save, or of before PyTorch 1.6: save it again there") from None
    if any(each.filename.endswith("data.pkl") and each.file_size > _MOST_PICKLE_BYTES for each in members):
        raise ExchangeError(f"{file} describes more than a state_dict: save module.state_dict() there")
    if any(each.compress_type != zipfile.ZIP_STORED for each in members):
        raise ExchangeError(f"{file} is compressed, as torch.save never writes it: save it again there")
    torch = _torch()
    try:
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # its readers raise of everything: UnpicklingError, RuntimeError, EOFError ...
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExchangeError(
            f"{file} does not hold tensors alone, or is damaged: save module.state_dict() there. PyTorch says: {first}"
        ) from None
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(each, torch.Tensor) for key, each in state.items()
    ):
        raise ExchangeError(f"{file} holds no state_dict, tensors by name: save module.state_dict() there")
    return state


def _array(key: str, tensor: Any) -> Any:
    """A tensor as an array: dense, of a float type that NumPy has."""
    if str(tensor.dtype).removeprefix("torch.") not in ("float16", "float32", "float64") or tensor.is_sparse:
        raise ExchangeError(f"{key} holds {tensor.dtype}: convert it there, tensor.float()")
    return tensor.detach().numpy()
