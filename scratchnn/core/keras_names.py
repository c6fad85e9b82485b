"""Keras' arguments that do nothing here: at their neutral value they are taken, at any other refused, by name.

One line each: when an argument becomes real, its line goes. `tests/test_keras_names.py` holds this table to Keras' own
signatures; docs/keras-names.md shows it.
"""

from typing import Any, NamedTuple


class Refused(NamedTuple):
    """What Keras has and we do not."""

    instead: str  # what to do; it ends a sentence that names the argument
    neutral: tuple[Any, ...] = (None,)  # the values at which it asks for nothing; none: there is no such thing here
    always: bool = False  # derived classes that take it, for its place in Keras' order, have no use for it either

    def takes(self, value: Any) -> bool:
        return any(value is each or (type(value) is type(each) and value == each) for each in self.neutral)


_CONSTRAINT = "there are no constraints; kernel_regularizer and an optimizer's weight_decay keep weights small"
_ACTIVITY = "penalties are for weights alone, not for outputs: kernel_regularizer"
_SEED = "a model's seed decides all of its draws: pass Sequential(..., seed=1)"
_DTYPE = "a model has one dtype for all of its layers: pass Sequential(..., dtype='float64')"
_DTYPES = ("float32", "float64", "int32", "int64")
_WEIGHTS = "call set_weights once the layer is built"
_LORA = "low-rank adapters are not built here; train the layer itself"
_QUANTIZATION = "there is no quantization; float32 and float64 only"
_LAST = "the features are always the last axis, and time the one before; transpose x"
_EMA = "no running mean of the weights is kept; EarlyStopping(restore_best_weights=True) keeps the best ones"
_CLASSES = "classes are the last axis; transpose y"
_NAME = "it goes by the name of its class"
_COMPILED = "each backend compiles what it needs; choose one by Sequential(..., backend='cpu')"
_SHAPE = "pass the shape of one example without the batch axis: Input((T, D))"
_ONE_BY_ONE = "batches are asked for one by one, without workers and queues"
OUTPUTS_OF_A_LAYER = (
    "for the outputs of layer k of a trained model: part = "
    "Sequential([Input(model.input_shape[1:]), *(each.clone() for each in model.layers[:k + 1])]); "
    "part.set_weights(model.get_weights()[:len(part.weights)]); part.predict(x)"
)
NO_SYMBOLS = f"read input_shape and output_shape; {OUTPUTS_OF_A_LAYER}"
_GENERATORS = "takes a generator or a scratchnn.utils.PyDataset itself: model."
_STEP = "a loop of your own calls forward and backward: docs/extending.md"
STEPS = (  # methods of a model that Keras calls
    *("train_step", "test_step", "predict_step", "call", "compute_loss", "compute_metrics"),
    *("make_train_function", "make_test_function", "make_predict_function"),
)
_ADDS = ("add_loss", "add_metric", "add_weight")
_REGULARIZED = {
    **{f"{what}_constraint": Refused(_CONSTRAINT) for what in ("kernel", "recurrent", "bias", "embeddings")},
    **{
        f"{what}_regularizer": Refused("this layer has no such weights, so that nothing would be penalised")
        for what in ("kernel", "recurrent", "bias", "embeddings")
    },
}

ARGUMENTS: dict[str, dict[str, Refused]] = {
    "Layer": {
        "activity_regularizer": Refused(_ACTIVITY),
        "dtype": Refused(_DTYPE),
        "autocast": Refused(_DTYPE, (True,)),
        "batch_size": Refused("a batch may have any size; pass batch_size to fit"),
        "batch_input_shape": Refused("pass Input((T, D)), without the batch axis, as the first layer"),
        "input_dim": Refused("pass Input((D,)) as the first layer"),
        "lora_rank": Refused(_LORA),
        "lora_alpha": Refused(_LORA),
        "quantization_config": Refused(_QUANTIZATION),
        "weights": Refused(_WEIGHTS),
        "kernel": Refused("the arrays are in params, by name; set_weights replaces their numbers"),
        "bias": Refused("the arrays are in params, by name; set_weights replaces their numbers"),
        **_REGULARIZED,
    },
    "Recurrent": {
        "seed": Refused(_SEED),
        "unroll": Refused("the kernels walk time by themselves, and memory is planned for that", (False,)),
        "use_cudnn": Refused("choose the kernels with the model's backend", ("auto",)),
        "implementation": Refused("the kernels choose how they multiply", (0, 1, 2)),
        "time_major": Refused("the batch is always the first axis; transpose x", (False,)),
    },
    "Bidirectional": {"weights": Refused(_WEIGHTS)},
    "Conv1D": {
        "data_format": Refused(_LAST, (None, "channels_last")),
        "groups": Refused("every filter sees all features; use one Conv1D for each group", (1,)),
    },
    "MaxPooling1D": {"data_format": Refused(_LAST, (None, "channels_last"))},
    "GlobalMaxPooling1D": {
        "data_format": Refused(_LAST, (None, "channels_last")),
        "keepdims": Refused("the time axis goes; write y[:, None]", (False,)),
    },
    "GlobalAveragePooling1D": {
        "data_format": Refused(_LAST, (None, "channels_last")),
        "keepdims": Refused("the time axis goes; write y[:, None]", (False,)),
    },
    "Flatten": {"data_format": Refused(_LAST, (None, "channels_last"))},
    "Dropout": {
        "noise_shape": Refused("every number is dropped by itself"),
        "seed": Refused(_SEED),
    },
    **{
        kind: {"data_format": Refused(_LAST, (None, "channels_last"))} for kind in ("AveragePooling1D", "ZeroPadding1D")
    },
    **{kind: {"seed": Refused(_SEED)} for kind in ("SpatialDropout1D", "GaussianDropout", "GaussianNoise")},
    "AlphaDropout": {"noise_shape": Refused("every number is dropped by itself"), "seed": Refused(_SEED)},
    "LayerNormalization": {
        "rms_scaling": Refused("Keras itself calls it wrong: it does not scale by the mean square", (False,)),
        **{f"{what}_constraint": Refused(_CONSTRAINT) for what in ("beta", "gamma")},
    },
    "PReLU": {"alpha_constraint": Refused(_CONSTRAINT)},
    "Input": {
        "dtype": Refused("the first layer decides: Embedding takes ids, others numbers", (None, *_DTYPES)),
        "sparse": Refused("arrays are dense; ids go into an Embedding", (None, False)),
        "ragged": Refused("rows have one length; pad_sequences pads them", (None, False)),
        "tensor": Refused(_SHAPE),
        "optional": Refused("a model has one input, which is always there", (False,)),
    },
    "Optimizer": {
        "use_ema": Refused(_EMA, (False,)),
        "ema_momentum": Refused(_EMA, (0.99, None)),
        "ema_overwrite_frequency": Refused(_EMA),
        "loss_scale_factor": Refused("float32 and float64 need no scaled loss"),
        "gradient_accumulation_steps": Refused("pass a larger batch_size: long batches are computed in pieces"),
        "lr": Refused("its name is learning_rate", ()),
        "decay": Refused(
            "it made the learning rate fall, and was no weight_decay: learning_rate="
            "schedules.InverseTimeDecay(0.01, decay_steps=1, decay_rate=decay), of scratchnn.optimizers",
            (),
        ),
        "jit_compile": Refused(_COMPILED, (None, True, "auto")),
        "name": Refused(_NAME),
    },
    "Loss": {"dtype": Refused("a loss computes in the dtype of the model's outputs", always=True)},
    **{
        kind: {"axis": Refused(_CLASSES, (-1,))}
        for kind in (
            "BinaryCrossentropy",
            "BinaryFocalCrossentropy",
            "CategoricalCrossentropy",
            "CategoricalFocalCrossentropy",
            "CosineSimilarity",
            "SparseCategoricalCrossentropy",
            "binary_crossentropy",
            "binary_focal_crossentropy",
            "categorical_crossentropy",
            "categorical_focal_crossentropy",
            "cosine_similarity",
            "sparse_categorical_crossentropy",
        )
    },
    "Metric": {"dtype": Refused("a metric counts in float64", always=True)},
    **{
        kind: {"from_sorted_ids": Refused("give scores, not the ids that a ranking returned", (False,))}
        for kind in ("SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy")
    },
    "R2Score": {"num_regressors": Refused("the adjusted R² is not there; compute it from the score", (0,))},
    "Initializer": {
        "seed": Refused(_SEED),
        "input_axes": Refused("the fan in is counted over all axes but the last"),
        "output_axes": Refused("the fan out is counted over the last axis and the window"),
    },
    "Model": {
        "run_eagerly": Refused(_COMPILED, (None, False)),
        "jit_compile": Refused(_COMPILED, (None, "auto", True, False)),
        "metrics": Refused("compile(optimizer, loss, metrics=[...]) sets them", ()),
        "weights": Refused("get_weights reads them, and set_weights replaces them"),
        "pop": Refused("make another model of the layers that stay: Sequential([layer.clone() for layer in ...])", ()),
        **{name: Refused(NO_SYMBOLS, ()) for name in ("input", "output")},
        "fit_generator": Refused(f"fit {_GENERATORS}fit(generator, steps_per_epoch=100)", ()),
        "evaluate_generator": Refused(f"evaluate {_GENERATORS}evaluate(generator, steps=100)", ()),
        "predict_generator": Refused(f"predict {_GENERATORS}predict(generator, steps=100)", ()),
        "predict_classes": Refused(
            "predict(x) > 0.5 where the model ends in a sigmoid, predict(x).argmax(axis=-1) for a softmax", ()
        ),
        "predict_proba": Refused("predict returns the probabilities of a model that ends in a sigmoid or softmax", ()),
        **{name: Refused(_STEP, ()) for name in STEPS},
        **{
            name: Refused("derive a loss or a regularizer, or a layer with parameters of its own", ()) for name in _ADDS
        },
        "metrics_names": Refused("evaluate(..., return_dict=True) gives each number its name", ()),
        "reset_metrics": Refused("every call of fit and evaluate counts its metrics from nothing", ()),
        "variables": Refused("model.weights lists them, and model.optimizer.slots has those of the optimizer", ()),
        "non_trainable_variables": Refused("its name is non_trainable_weights", ()),
        "export": Refused(
            "model.save(path) and load_model; scratchnn.exchange.save_onnx(model, path) for other programs", ()
        ),
        "quantize": Refused(_QUANTIZATION, ()),
    },
    "Model.__call__": {
        "training": Refused(
            "forward(x, training=True, epoch=, step=) drops by masks that you can draw again", (None, False)
        ),
        "mask": Refused("give it to forward: y, caches = model.forward(x, mask=mask)"),
    },
    "Model.compile": {
        "loss_weights": Refused("a model has one output and one loss; scale the learning rate"),
        "run_eagerly": Refused("there is no graph to leave: a debugger stops in every layer", (None, False)),
        "steps_per_execution": Refused("steps run ahead by themselves where that saves time", (None, 1)),
        "jit_compile": Refused(_COMPILED, (None, "auto", True, False)),
        "auto_scale_loss": Refused("float32 and float64 need no scaled loss", (None, True, False)),
        "sample_weight_mode": Refused("sample_weight of shape (N, T) weighs steps"),
    },
    "Model.fit": {
        "max_queue_size": Refused(_ONE_BY_ONE, (10,)),
        "workers": Refused(_ONE_BY_ONE, (0, 1)),
        "use_multiprocessing": Refused(_ONE_BY_ONE, (False,)),
    },
    "Model.train_on_batch": {
        "return_dict": Refused("it returns the loss alone", (False,)),
    },
    "Model.summary": {
        "line_length": Refused("a line is as wide as its table"),
        "positions": Refused("a column is as wide as its words"),
        "expand_nested": Refused("layers are not nested; Bidirectional is one line", (False,)),
        "show_trainable": Refused("the counts at the end say how many are trained", (False,)),
        "layer_range": Refused("print what you need of model.layers"),
    },
    "Model.save": {
        "zipped": Refused("the file is always one zip in npz layout", (None, True)),
        "save_format": Refused("the format is scratchnn's own, npz"),
    },
    "Model.save_weights": {"max_shard_size": Refused("all weights go into one file, whatever its size")},
    "Model.load_weights": {
        "skip_mismatch": Refused("all weights must fit; set_weights of a layer sets those of one", (False,)),
        "by_name": Refused("weights are taken in their order", (False,)),
    },
    "plot_model": {
        "show_dtype": Refused("a model has one dtype", (False,)),
        "rankdir": Refused("the chain is drawn from top to bottom", ("TB",)),
        "expand_nested": Refused("layers are not nested", (False,)),
        "show_layer_activations": Refused("they are always shown", (False, True)),
        "show_trainable": Refused("the counts of summary() say how many are trained", (False,)),
        "splines": Refused("a chain has straight lines", ("ortho",)),
    },
    "ModelCheckpoint": {
        "save_weights_only": Refused("the whole model is saved; load_weights reads its weights alone", (False,)),
        "save_freq": Refused("it saves after every epoch; write Callback.on_train_batch_end for more", ("epoch",)),
    },
    "PyDataset": {
        "workers": Refused(_ONE_BY_ONE, (0, 1)),
        "use_multiprocessing": Refused(_ONE_BY_ONE, (False,)),
        "max_queue_size": Refused(_ONE_BY_ONE, (10,)),
    },
    "timeseries_dataset_from_array": {
        "format": Refused("what comes back belongs to no library: go over it, or give it to fit", ("tf", "grain")),
    },
    "clone_model": {
        "input_tensors": Refused("the clone has an Input of the same shape"),
        "call_function": Refused("give clone_function, which makes each new layer"),
        "recursive": Refused("models are not nested", (False,)),
    },
    "CallbackList": {
        "add_history": Refused("fit returns a History; keep the logs of a loop of your own yourself", (False,)),
        "add_progbar": Refused("fit shows its progress unless verbose=0", (False,)),
    },
    "ReduceLROnPlateau": {"baseline": Refused("Keras takes it and begins without; the first epoch is the first best")},
    "load_data": {
        "nb_words": Refused("since Keras 2 its name is num_words", ()),
        "test_split": Refused("the reviews are split already, half and half", ()),
    },
    "load_model": {
        "compile": Refused("a model that was compiled comes back compiled", (True,)),
        "safe_mode": Refused("a file holds no code, and none is run", (True, None)),
    },
}

_NO_CALL = "write forward and backward, because there is no autograd; docs/extending.md shows how"
# Keras' methods of these classes that nothing here calls: a class of the user's own that defines one is refused.
UNHEARD = {
    "Model": dict.fromkeys(STEPS, f"{_STEP}. Or override forward and backward"),
    "Layer": {"call": _NO_CALL},
    "Cell": {"call": _NO_CALL},
    "Loss": {
        "call": "define values(y, target) and gradient(y, target), whose arguments are in this order",
        "__call__": "training calls forward and backward: define values(y, target) and gradient(y, target)",
    },
    "Optimizer": dict.fromkeys(
        ("apply", "apply_gradients", "update_step", "build"),
        "define update(w, g), which moves all weights w in place, and slot_names (docs/extending.md)",
    ),
    "Watching": {"get_monitor_value": "derive from Callback, and decide in on_epoch_end by its logs"},
}
