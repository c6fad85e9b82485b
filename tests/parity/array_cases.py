"""What is compared with Keras of the layers that are array code: a table of its own, with a file of its own."""

from itertools import product

from tests.parity.cases import B, D, H, LayerCase, Spec, T, V, spec

S = 6  # steps inside a step: sentences of words


def _alone() -> list[LayerCase]:
    images = (B, T, S, D)
    pooled = (3, 17, D)
    found = [
        LayerCase("RepeatVector", (spec("RepeatVector", n=3),), (B, D)),
        LayerCase("Reshape", (spec("Reshape", target_shape=(D, T)),)),
        LayerCase("Reshape, -1", (spec("Reshape", target_shape=(-1, 2, 3)),), (B, 8, D)),
        LayerCase("Reshape, to rows", (spec("Reshape", target_shape=(-1,)),)),
        LayerCase("Permute", (spec("Permute", dims=(2, 1)),)),
        LayerCase("Permute, three axes", (spec("Permute", dims=(3, 1, 2)),), images),
        LayerCase("ZeroPadding1D", (spec("ZeroPadding1D"),)),
        LayerCase("ZeroPadding1D, uneven", (spec("ZeroPadding1D", padding=(0, 3)),)),
        LayerCase("Cropping1D", (spec("Cropping1D"),)),
        LayerCase("Cropping1D, uneven", (spec("Cropping1D", cropping=(3, 0)),)),
        LayerCase("UpSampling1D", (spec("UpSampling1D", size=3),)),
        LayerCase("Masking", (spec("Masking"),), x="padded"),
        LayerCase("Masking, another value", (spec("Masking", mask_value=0.5),), (B, T, 1), "ties"),
        LayerCase("Masking, four axes", (spec("Masking"),), images, "padded"),
        LayerCase("PReLU", (spec("PReLU"),), x_scale=5.0),
        LayerCase("PReLU, shared", (spec("PReLU", shared_axes=[1]),), x_scale=5.0),
        LayerCase("PReLU, two shared", (spec("PReLU", shared_axes=[1, 3]),), images),
        LayerCase("LeakyReLU", (spec("LeakyReLU"),), x_scale=5.0),
        LayerCase("LeakyReLU, steeper", (spec("LeakyReLU", negative_slope=0.7),), x_scale=5.0),
        LayerCase("ELU", (spec("ELU"),), x_scale=5.0),
        LayerCase("ELU, alpha", (spec("ELU", alpha=0.4),), x_scale=5.0),
        LayerCase("Softmax", (spec("Softmax"),), x_scale=5.0),
        LayerCase("Softmax, over time", (spec("Softmax", axis=1),), x_scale=5.0),
        LayerCase("Softmax, over both", (spec("Softmax", axis=[1, 2]),), x_scale=5.0),
        *(
            LayerCase(f"{layer} at rest", (spec(layer, rate=0.5),))
            for layer in ("SpatialDropout1D", "GaussianDropout", "AlphaDropout")
        ),
        LayerCase("GaussianNoise at rest", (spec("GaussianNoise", stddev=0.5),)),
    ]
    for settings in ({}, {"max_value": 2.0}, {"negative_slope": 0.1}, {"threshold": 1.0}, {"max_value": 6.0}):
        words = ", ".join(settings)
        found.append(LayerCase(f"ReLU {words}".strip(), (spec("ReLU", **settings),), x_scale=9.0))
    everything = spec("ReLU", max_value=2.0, negative_slope=0.3, threshold=0.5)
    found.append(LayerCase("ReLU, everything", (everything,), x_scale=5.0))
    for padding, (size, strides) in product(("valid", "same"), ((5, None), (2, None), (3, 2), (3, 1), (2, 3), (17, 1))):
        pooling = spec("AveragePooling1D", pool_size=size, strides=strides, padding=padding)
        found.append(LayerCase(f"AveragePooling1D, {padding}, {size} by {strides}", (pooling,), pooled))
    for axis in (-1, 1, [1, 2], [-1, -2]):
        found.append(LayerCase(f"LayerNormalization, axis {axis}", (spec("LayerNormalization", axis=axis),)))
    for settings in ({"center": False}, {"scale": False}, {"center": False, "scale": False}, {"epsilon": 0.5}):
        words = ", ".join(f"{name}={value}" for name, value in settings.items())
        found.append(LayerCase(f"LayerNormalization, {words}", (spec("LayerNormalization", **settings),), (B, D)))
    found.append(LayerCase("LayerNormalization, four axes", (spec("LayerNormalization", axis=[1, 3]),), images))
    return found


def _time_distributed() -> list[LayerCase]:
    def each(layer: str, **options: object) -> tuple[Spec]:
        return (spec("TimeDistributed", layer=spec(layer, **options)),)

    nested = spec("TimeDistributed", layer=spec("Dense", units=H, activation="tanh"))
    images = (B, 4, S, D)
    both_ways = spec("Bidirectional", layer=spec("GRU", units=H))
    return [
        LayerCase("TimeDistributed Dense", each("Dense", units=H, activation="tanh")),
        LayerCase("TimeDistributed Flatten", each("Flatten"), images),
        LayerCase("TimeDistributed LSTM", each("LSTM", units=H), images),
        LayerCase("TimeDistributed GRU, sequences", each("GRU", units=H, return_sequences=True), images),
        LayerCase("TimeDistributed Bidirectional", (spec("TimeDistributed", layer=both_ways),), images),
        LayerCase("TimeDistributed Conv1D", each("Conv1D", filters=H, kernel_size=3, activation="relu"), images),
        LayerCase("TimeDistributed MaxPooling1D", each("MaxPooling1D", pool_size=2), images),
        LayerCase("TimeDistributed Dropout at rest", each("Dropout", rate=0.5)),
        LayerCase("TimeDistributed LayerNormalization", each("LayerNormalization", axis=[1, 2]), images),
        LayerCase("TimeDistributed Embedding", each("Embedding", input_dim=V, output_dim=D), (B, 4, S), "ids"),
        LayerCase("TimeDistributed, nested", (spec("TimeDistributed", layer=nested),), images),
        LayerCase(
            "TimeDistributed LSTM, masked steps inside", (spec("Masking"), *each("LSTM", units=H)), images, "padded"
        ),
        LayerCase(
            "TimeDistributed GRU, masked steps inside",
            (spec("Masking"), *each("GRU", units=H, return_sequences=True)),
            images,
            "padded",
        ),
    ]


def _stacks() -> list[LayerCase]:
    """Where a mask goes: Keras itself hands it on."""
    masking, embedding = spec("Masking"), spec("Embedding", input_dim=V, output_dim=D, mask_zero=True)
    dense, lstm = spec("Dense", units=1, activation="sigmoid"), spec("LSTM", units=5)
    sequences = spec("LSTM", units=H, return_sequences=True)
    through = {
        "LayerNormalization": spec("LayerNormalization"),
        "TimeDistributed": spec("TimeDistributed", layer=spec("Dense", units=H)),
        "ReLU": spec("ReLU"),
        "PReLU": spec("PReLU", shared_axes=[1]),
        "SpatialDropout1D": spec("SpatialDropout1D", rate=0.5),
        "GaussianNoise": spec("GaussianNoise", stddev=0.5),
        "AlphaDropout": spec("AlphaDropout", rate=0.5),
    }
    ends = {
        "AveragePooling1D": spec("AveragePooling1D", pool_size=2),
        "Permute": spec("Permute", dims=(2, 1)),
        "Reshape": spec("Reshape", target_shape=(T, D)),
        "ZeroPadding1D": spec("ZeroPadding1D"),
        "Cropping1D": spec("Cropping1D"),
        "UpSampling1D": spec("UpSampling1D"),
    }
    found = [
        LayerCase(f"stack, mask {how} {name}", (embedding, layer, lstm, dense), (B, T), "ids")
        for how, layers in (("through", through), ("ends at", ends))
        for name, layer in layers.items()
    ]
    coder = (spec("LSTM", units=H), spec("RepeatVector", n=4), sequences)
    decoded = spec("TimeDistributed", layer=spec("Dense", units=V, activation="softmax"))
    found += [
        LayerCase("stack, Masking before LSTM", (masking, sequences, lstm, dense), x="padded"),
        LayerCase("stack, Masking makes the mask anew", (embedding, masking, lstm), (B, T), "ids"),
        LayerCase("stack, Masking before the average", (masking, spec("GlobalAveragePooling1D"), dense), x="padded"),
        LayerCase("stack, encoder and decoder", (embedding, *coder, decoded), (B, T), "ids"),
    ]
    return found


ARRAY_LAYERS = {case.name: case for case in [*_alone(), *_time_distributed(), *_stacks()]}
