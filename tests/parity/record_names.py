"""Record Keras' public names and their parameters: `python tests/parity/record_names.py`, in an environment with Keras.

The result, recorded/names.json, is what tests/test_keras_names.py walks without TensorFlow.
"""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).parent / "recorded" / "names.json"
MODULES = (
    "activations", "callbacks", "constraints", "initializers", "layers", "losses", "metrics", "models", "optimizers",
    "optimizers.schedules", "regularizers", "utils",
)  # fmt: skip
METHODS = (
    "fit", "evaluate", "predict", "compile", "train_on_batch", "test_on_batch", "predict_on_batch", "summary", "save",
    "get_layer", "load_weights", "save_weights", "__call__", "to_json", "from_config",
)  # fmt: skip


def names_of(keras: Any) -> dict[str, Any]:
    """By module: each public name with its parameters in their order; and the hooks of a callback."""
    found: dict[str, Any] = {"keras": keras.__version__, "modules": {}}
    for name in MODULES:
        module = importlib.import_module(f"keras.{name}")
        public = {key: getattr(module, key) for key in dir(module) if not key.startswith("_")}
        found["modules"][name] = {key: parameters_of(thing) for key, thing in public.items() if callable(thing)}
    found["modules"]["Model"] = {name: parameters_of(getattr(keras.Model, name)) for name in METHODS}
    found["modules"]["keras"] = {name: parameters_of(getattr(keras, name)) for name in ("Input", "Model", "Sequential")}
    found["tree"] = [
        name for name in dir(keras) if inspect.ismodule(getattr(keras, name)) and name[0] != "_" and name != "src"
    ]
    found["hooks"] = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_")]
    return found


def parameters_of(thing: Any) -> list[str]:
    """What it takes by name, in order; a layer, a metric or an optimizer also takes what its base does."""
    inits = [vars(each)["__init__"] for each in thing.__mro__ if "__init__" in vars(each)] if _is_class(thing) else []
    names: dict[str, None] = {}
    for function in inits or [thing]:
        if function is object.__init__:
            break
        try:
            parameters = inspect.signature(function).parameters.values()
        except ValueError:
            break
        names |= dict.fromkeys(each.name for each in parameters if each.kind not in SEVERAL and each.name != "self")
        if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
            break
    own = _named(inits[0]) if inits else names
    return [name for name in names if name not in INTERNAL and (name != "cell" or name in own)]


def _named(function: Any) -> list[str]:
    return [each.name for each in inspect.signature(function).parameters.values()]


# What Keras' own bases take from its own derived classes.
INTERNAL = {"rank", "pool_dimensions", "pool_mode"}
SEVERAL = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _is_class(thing: Any) -> bool:
    return isinstance(thing, type)


if __name__ == "__main__":
    keras = importlib.import_module("keras")
    text = json.dumps(names_of(keras))
    PATH.write_text(text.replace('], "', '],\n"').replace('}, "', '},\n"') + "\n", encoding="utf-8")
    print(f"{PATH}: {PATH.stat().st_size:,} bytes, Keras {keras.__version__}")
