"""What Keras has and we do not, and what to use instead. Asked only when somebody looks for a name that is not there.

By module of Keras: patterns of names, the first that fits counts. What is added to scratchnn needs no change here: a
name that is there is never looked for in this table. `tests/test_keras_names.py` walks all of Keras' names.
"""

import dis
import re
import sys

from scratchnn.core.names import nearest

_IMAGES = "images are out of scope; for sequences there are the 1D layers"
_ATTENTION = "attention is out of scope; LSTM, GRU and Bidirectional carry what came before"
_BRANCHES = "a model is one chain of layers, without branches; combine arrays before or after it"
_TEXT = "build a vocabulary with scratchnn.data.text.Vocabulary, which turns text into ids"
_NORMAL = "standardise x once before training: (x - x.mean(axis=0)) / x.std(axis=0)"
_OWN_LAYER = "derive a layer with forward and backward from scratchnn.layers.Layer; docs/extending.md shows how"
_OWN_PENALTY = "derive a rule from scratchnn.regularizers.Regularizer; docs/extending.md shows how"
_OWN_LOSS = "derive a loss with values and gradient from scratchnn.losses.Loss; docs/extending.md shows how"
_OWN_METRIC = "derive one with update_state and result from scratchnn.metrics.Metric; docs/extending.md shows how"
_OWN_RULE = "derive a rule from scratchnn.optimizers.Optimizer; docs/extending.md shows how"
_OWN_CELL = "derive a cell from scratchnn.layers.Cell and wrap it: RNN(cell)"
_NAME = "pass its name: activation='NAME'"
_INITIAL = "pass its name: kernel_initializer='NAME'"
_PAIRS = "write Activation(name, forward, backward), with the derivative in y"
_OF_X = "its derivative is one in x: write the layer Lambda(function, backward=backward), with backward(dy, x)"
_RELU6 = "the layer ReLU(max_value=6.0)"
_FILES = "a model file names all classes; load_model(path, custom_objects={...}) takes those of your own"
_GET = "pass the name, the object or its get_config() where it is used"
_DESCRIBED = "layer.get_config() describes a layer, and from_config of its class makes another of that"
_GO_ON = "fit(x, y, checkpoint='run.npz') keeps training in a file, and goes on from it; BackupAndRestore in a folder"
_ARRAYS = "use NumPy on the arrays; layers have forward and backward"
_SERIALIZED = (r"(de)?serialize(_keras_object)?|get", _GET)
_REVIEWS = "the reviews of imdb are the data here; arrays of your own go into fit as they are"
_TENSORS = "use NumPy, whose arrays go in and out of models and layers"
_SEED = "set_random_seed(1) decides all draws, and Sequential(..., seed=1) those of one model"
_TAPE = "there is no tape: y, caches = model.forward(x, training=True), then dx, grads = model.backward(dy, caches)"

MISSING: dict[str, tuple[tuple[str, str], ...]] = {
    "layers": (
        (r"\w+[23]D", _IMAGES),
        (r"Rand\w+|AugMix|AutoContrast|Equalization|MixUp|CutMix|CenterCrop|Resizing|Solarization", _IMAGES),
        (r"ContrastLimited\w+|MaxNumBoundingBoxes", _IMAGES),
        (r"\w*Attention", _ATTENTION),
        (r"Add|Average|Concatenate|Dot|Maximum|Minimum|Multiply|Subtract", _BRANCHES),
        (r"add|average|concatenate|dot|maximum|minimum|multiply|subtract", _BRANCHES),
        (r"StringLookup|IntegerLookup|TextVectorization|Hashing|HashedCrossing|CategoryEncoding|Discretization", _TEXT),
        (r"BatchNormalization|GroupNormalization|RMSNormalization|UnitNormalization|SpectralNormalization", _OWN_LAYER),
        (r"Normalization", _NORMAL),
        (r"Rescaling", "multiply x once before training"),
        (r"MelSpectrogram|STFTSpectrogram", "transform sound to arrays first; Conv1D takes them"),
        (r"(LSTM|GRU|SimpleRNN|StackedRNN)Cells?", _OWN_CELL),
        (r"Flax\w+|Jax\w+|TFSM\w+|Torch\w+", "layers of other frameworks cannot be trained here; " + _OWN_LAYER),
        (r"InputLayer|InputSpec", "the shape of x is given by Input((T, D))"),
        (r"Pipeline|Wrapper", "a model is a list of layers: Sequential([...])"),
        (r"CuDNN(LSTM|GRU)", "LSTM and GRU run on a GPU as they are: Sequential([LSTM(32), ...], backend='gpu')"),
        (r"Convolution1D", "it is another name of Conv1D, which is here"),
        (r"(Conv|Convolution)1DTranspose", "UpSampling1D, and a Conv1D after it"),
        (r"(Separable|Depthwise)?Conv\w*", "Conv1D slides one dense layer along time"),
        (r"(de)?serialize(_keras_object)?|get", _DESCRIBED),
        (r"ActivityRegularization", "penalties are for weights alone, not for outputs: kernel_regularizer"),
        (r"Adaptive\w+1D|EinsumDense|ReversibleEmbedding", _OWN_LAYER),
        (r"Identity", "Activation('linear') passes x on as it is"),
    ),
    "losses": (
        _SERIALIZED,
        (r"(?i:CTC|circle|dice|tversky|categorical_?generalized_?cross_?entropy)", _OWN_LOSS),
    ),
    "metrics": (
        _SERIALIZED,
        (r"\w*IoU|\w+Correlation|\w+_correlation|Sum", _OWN_METRIC),
    ),
    "optimizers": (
        (r"LossScaleOptimizer", "float32 and float64 need no scaled loss"),
        (r"MultiOptimizer|OptimizerMap", "a model has one optimizer"),
        (r"(de)?serialize", _GET),
        (r"Adafactor|Lamb|Lion|Muon|ScheduleFreeAdamW", _OWN_RULE),
    ),
    "optimizers.schedules": (_SERIALIZED,),
    "callbacks": (
        (r"ProgbarLogger", "fit shows its progress unless verbose=0"),
        (r"TensorBoard|RemoteMonitor", "CSVLogger writes every epoch to a file, compare shows many runs"),
        (r"OrbaxCheckpoint", _GO_ON),
        (r"SwapEMAWeights", "EarlyStopping(restore_best_weights=True) keeps the best weights"),
    ),
    "initializers": (
        (r"STFT\w*|stft", "it initialises layers of sound, which are not here"),
        (r"Identity\w*|identity", "derive a frozen dataclass from Initializer that draws numpy.eye"),
        (r"(de)?serialize", _GET),
        (r"(?i:zeros|ones|(glorot|he|lecun)_?(uniform|normal))", _INITIAL),
        (r"constant", "its name is Constant"),
        (r"OrthogonalInitializer|orthogonal", "its name is Orthogonal"),
        (r"random_normal", "its name is RandomNormal"),
        (r"random_uniform", "its name is RandomUniform"),
        (r"truncated_normal", "its name is TruncatedNormal"),
        (r"variance_scaling", "its name is VarianceScaling"),
    ),
    "activations": (
        _SERIALIZED,
        (r"(linear|relu|leaky_relu|sigmoid|hard_sigmoid|softmax|softplus|softsign|elu|selu|exponential)", _NAME),
        (r"relu6", _RELU6),
        (r"(hard_)?(silu|swish)|gelu|glu|mish|tanh_shrink", _OF_X),
        (r"celu|sparsemax|squareplus|threshold|\w+_(shrink|tanh|plus)", _PAIRS),
        (r"log_\w+|sparse_sigmoid", _PAIRS),
    ),
    "regularizers": (
        (r"OrthogonalRegularizer|orthogonal_regularizer", _OWN_PENALTY),
        (r"(de)?serialize", _GET),
    ),
    "constraints": ((r"\w+", "an optimizer's weight_decay keeps weights small, clipnorm its steps"),),
    "models": (
        (r"save_model", "model.save(path)"),
    ),
    "utils": (
        (r"text_dataset_from_directory", f"read the files into a list of texts; {_TEXT}"),
        (r"audio\w*", "read the sound into arrays; Conv1D takes them"),
        (r"image_dataset_from_directory|\w*img\w*", _IMAGES),
        (r"normalize", "divide by the norm: x / numpy.linalg.norm(x, axis=-1, keepdims=True)"),
        (r"split_dataset", "slice the arrays, or pass validation_split to fit"),
        (r"FeatureSpace", _TEXT),
        (r"get_file", "scratchnn.data finds and checks its own files; download others yourself"),
        (r"(un)?pack_x_y_sample_weight", "pass x and y by themselves"),
        (r"Progbar|\w*interactive_logging\w*", "verbose=0 keeps fit silent"),
        (r"model_to_dot", "plot_model draws the model"),
        (r"(?i:custom_?object_?scope)|\w*register\w*|get_custom_objects|\w*serialize\w*", _FILES),
        (r"Config|standardize_dtype|is_keras_tensor|get_source_inputs", _ARRAYS),
    ),
    "applications": ((r"\w+", _IMAGES),),
    "backend": (
        (r"(set_)?floatx", "a model has its dtype, Sequential(..., dtype='float64')"),
        (r"(set_)?image_data_format", _IMAGES),
        (r"(set_)?epsilon", "write the number; optimizers and layers take it as epsilon"),
        (r"[gs]et_value", "set the attribute: optimizer.learning_rate = 0.1"),
        (r"\w+", _TENSORS),
    ),
    "datasets": ((r"\w+", _REVIEWS),),
    "data": ((r"Dataset|TextLineDataset|TFRecordDataset|AUTOTUNE|experimental", "fit takes arrays and cuts batches"),),
    "mixed_precision": ((r"\w+", "float32 and float64 only"),),
    "nn": (
        (r"relu6", _RELU6),
        (r"gelu|silu|swish|crelu", _OF_X),
        (r"\w*cross_entropy\w*", "compile(loss='binary_crossentropy') gets the logits where they are more accurate"),
        (r"\w*softmax\w*", _PAIRS),
        (r"dropout", "scratchnn.layers.Dropout"),
        (r"[a-z]\w*", "there are the layers: scratchnn.layers"),
    ),
    "ops": ((r"\w+", _TENSORS),),
    "preprocessing.image": ((r"\w+", _IMAGES),),
    "preprocessing.sequence": (
        (r"TimeseriesGenerator", "scratchnn.utils.timeseries_dataset_from_array(data, targets, length) cuts windows"),
        (r"make_sampling_table|skipgrams", "draw the pairs of words with NumPy"),
    ),
    "preprocessing.text": ((r"Tokenizer|\w*one_hot|text_to_word_sequence|hashing_trick|tokenizer_\w+", _TEXT),),
    "random": ((r"set_seed|SeedGenerator", _SEED), (r"\w+", "draw with numpy.random.default_rng(1)")),
    "saving": (
        (r"save_model", "model.save(path)"),
        (r"(save|load)_weights", "it is a method of the model: model.NAME(path)"),
        (r"\w+", _FILES),
    ),
    "wrappers": ((r"\w+", "write a class with fit and predict around the model"),),
    "keras": (
        (r"distillation", "train a second model on the predictions of the first"),
        (r"export", "model.save(path) and load_model; scratchnn.exchange.save_onnx(model, path) for other programs"),
        (r"legacy|tree", _ARRAYS),
        (r"quantizers", "float32 and float64 only"),
        (r"visualization", "scratchnn.report.curves draws histories, plot_model a model"),
        (r"version", "scratchnn.__version__ is ours"),
        (r"distribution", "a model trains in one process; compare runs many models side by side"),
        (r"GradientTape", _TAPE),
        (r"function|executing_eagerly|compat|autograph|Module", "layers run as they are called, and there is no graph"),
        (r"config|device|distribute", "a model has its backend: Sequential(..., backend='gpu')"),
        (r"random", _SEED),
        (r"constant|convert_to_tensor|Tensor|RaggedTensor|SparseTensor|TensorShape|zeros|ones|fill|range", _TENSORS),
        (r"reduce_\w+|math|linalg|square|abs|exp|cast|concat|stack|reshape|expand_dims|squeeze|matmul", _TENSORS),
        (r"shape|transpose|where|maximum|minimum|argmax|one_hot|u?int\d+|float\d+|b?float16|strings", _TENSORS),
        (r"io|saved_model", "model.save(path) and load_model for models, NumPy and Python's open for other files"),
        (r"train", "optimizers are in scratchnn.optimizers, and ModelCheckpoint is in scratchnn.callbacks"),
        (r"lite", "model.save(path) and load_model; scratchnn.exchange.save_onnx(model, path) for other programs"),
        (r"summary", "CSVLogger writes every epoch to a file, and model.summary() prints the layers"),
        (r"test", "numpy.testing compares arrays, and Sequential(..., backend='gpu') says whether there is a GPU"),
        (r"debugging|logging", "what the package warns of goes through Python's module warnings"),
        (r"feature_column", "encode columns as arrays of numbers with NumPy"),
        (r"estimator", "a model has fit, evaluate and predict itself"),
        (r"constraints", "kernel_regularizer and an optimizer's weight_decay keep weights small"),
        (r"applications", _IMAGES),
        (r"ops|Variable|KerasTensor|Function", _ARRAYS),
        (r"backend|datasets|preprocessing|saving", "its names are in scratchnn.keras.NAME"),
        (r"Layer|Loss|Metric|Optimizer|Initializer|Regularizer|Quantizer", "import it from its own module"),
        (r"mixed_precision|dtype_policies|DTypePolicy|FloatDTypePolicy", "float32 and float64 only"),
    ),
}  # fmt: skip
# Modules of Keras 2 whose names are elsewhere since, and where.
MOVED: dict[str, str] = {
    **{
        f"layers.{name}": "layers"
        for name in (
            *("advanced_activations", "convolutional", "core", "embeddings", "merge", "noise", "normalization"),
            *("pooling", "recurrent", "wrappers", "experimental", "experimental.preprocessing"),
        )
    },
    **{f"utils.{name}": "utils" for name in ("data_utils", "generic_utils", "np_utils", "vis_utils")},
    "engine": "models",
    "engine.topology": "layers",
    "optimizers.legacy": "optimizers",
}
IMPORT_FROM = dis.opmap["IMPORT_FROM"]


def what_instead(module: str, name: str) -> str | None:
    """What to use for a name of Keras' that we do not have; None for one that Keras does not have either, perhaps."""
    if new := MOVED.get(module):
        return what_instead(new, name) or f"what Keras 2 had there is in scratchnn.keras.{new}: import NAME from that"
    if new := MOVED.get(f"{module}.{name}"):
        return f"its names are in scratchnn.{new}"
    for pattern, instead in MISSING.get(module, ()):
        if re.fullmatch(pattern, name):
            return instead
    return None


def missing(module: str, name: str, present: list[str], here: str | None = None) -> AttributeError | ImportError:
    """The error for a name that the module of this name does not have, as it is looked for; `here`: where it is.

    `from scratchnn.layers import Conv2D` would put a message of its own in the place of an AttributeError's.
    """
    here = here or ("scratchnn" if module == "keras" else f"scratchnn.{module}")
    instead = None if name.startswith("_") else what_instead(module, name)
    near = nearest(name, [each for each in present if not each.startswith("_")])
    message = f"{here} has no {name}" + (near if instead is None else f": {instead.replace('NAME', name)}")
    return ImportError(message) if _is_imported() else AttributeError(message)


def _is_imported() -> bool:
    """Whether the name is looked for by `from ... import name`, in one of the nearest callers."""
    frame = sys._getframe(2)
    for _ in range(16):  # a module of scratchnn.keras asks another one
        if frame is None:
            return False
        if frame.f_code.co_code[max(frame.f_lasti, 0)] == IMPORT_FROM:
            return True
        frame = frame.f_back
    return False
