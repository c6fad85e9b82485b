"""Which name was meant: only one that does the same thing is suggested, a misspelling or another word for it.

Similar letters are not enough: "auc" looks like "acc", "nadam" like "adam", "mape" like "mae", and each is another
thing. So names of things in Keras and elsewhere that look like one of ours are known here, and are never corrected.
"""

from collections.abc import Iterable

# In the form of `plain`. A name that we have is found before this is asked.
OTHER_THINGS = frozenset(
    # optimizers
    "adabelief adadelta adafactor adagrad adam adamax adan adamw ftrl lamb lars lion muon nadam radam rmsprop rprop sgd"
    " sgdm sgdw"
    # activations
    " celu elu exp exponential gelu glu hardshrink hardsigmoid hardsilu hardswish hardtanh identity leakyrelu linear"
    " logsigmoid logsoftmax mish prelu relu relu6 rrelu selu sigmoid silu softmax softmin softplus softshrink softsign"
    " sparsemax sparseplus sparsesigmoid squareplus swish tanh tanhshrink threshold"
    # losses and metrics
    " accuracy auc bce bcewithlogits bleu categoricalaccuracy categoricalcrossentropy categoricalfocalcrossentropy"
    " categoricalhinge binaryaccuracy binarycrossentropy binaryfocalcrossentropy binaryiou ce circle cosine"
    " cosinesimilarity crossentropy ctc dice f1 f1score fbetascore focal hinge huber iou kl kld kldivergence l1 l2 loss"
    " logcosh mae mape mase mcc meaniou meanabsoluteerror meanabsolutepercentageerror meansquarederror"
    " meansquaredlogarithmicerror mean medae mse msle nll perplexity poisson precision r2 r2score recall rmse rmsle"
    " rootmeansquarederror sparsecategoricalaccuracy sparsecategoricalcrossentropy sparsetopkcategoricalaccuracy"
    " squaredhinge sum topkcategoricalaccuracy truenegatives truepositives falsenegatives falsepositives tversky"
    # initializers
    " constant glorotnormal glorotuniform henormal heuniform kaimingnormal kaiminguniform lecunnormal lecununiform"
    " normal ones orthogonal randomnormal randomuniform truncatednormal uniform variancescaling xaviernormal"
    " xavieruniform zeros"
    # the rest
    " cpu gpu tpu mps full same valid causal lstm gru rnn simplernn birnn bilstm bigru cnn ff transformer"
    " convlstm".split()
)
# Other words for exactly the same thing.
SAME_THING = {
    "concatenate": "concat",
    "average": "ave",
    "multiply": "mul",
    "add": "sum",
    "cuda": "gpu",
    "numpy": "reference",
    "numba": "cpu",
    "xavieruniform": "glorot_uniform",
    "kaiminguniform": "he_uniform",
    "logistic": "sigmoid",
    "identity": "linear",
    "kl": "kl_divergence",
    "stochasticgradientdescent": "sgd",
}


def plain(name: str) -> str:
    """The form in which "GlorotUniform", "glorot-uniform" and "glorot uniform" are one name."""
    return "".join(letter for letter in name.lower() if letter not in "_- ")


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that was certainly meant; None where there is none, or more than one."""
    by_plain = {plain(each): each for each in known}
    wanted = plain(name)
    if wanted in by_plain:
        return by_plain[wanted]
    if SAME_THING.get(wanted) in by_plain.values():
        return SAME_THING[wanted]
    if wanted in OTHER_THINGS:
        return None
    distances = {each: _distance(wanted, each) for each in by_plain}
    near = [each for each, distance in distances.items() if distance == min(distances.values())]
    return by_plain[near[0]] if len(near) == 1 and distances[near[0]] <= _allowed(wanted, near[0]) else None


def _allowed(wanted: str, known: str) -> int:
    """How many slips of the fingers may be between two names: fewer in short ones, none in digits."""
    shorter = min(len(wanted), len(known))
    if _digits(wanted) != _digits(known):
        return 0
    if shorter < 3 or (shorter == 3 and len(wanted) == len(known) and sorted(wanted) != sorted(known)):
        return 0
    return 1 if shorter < 6 else 2 if shorter < 12 else 3


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))


def _distance(a: str, b: str) -> int:
    """The fewest letters to insert, leave out, replace or swap with their neighbours, to make one of the other."""
    rows = [list(range(len(b) + 1))]
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
