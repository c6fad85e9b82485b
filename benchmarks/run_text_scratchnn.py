"""Our models of texts as text_sets.py runs them: what `train --data` learns with its defaults, and the better of two
networks that see words and their neighbours at once; one line of JSON."""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks import text_runner
from benchmarks.text_runner import Given, Learned, accuracy
from scratchnn.data.own.loading import load
from scratchnn.data.own.options import TextOptions
from scratchnn.experiments import run as experiment
from scratchnn.experiments.linear_model import LinearModel
from scratchnn.experiments.presets import named_network
from scratchnn.report.console import Console
from scratchnn.texts.predictor import LinearPredictor, Predictor, open_predictor

ARCHS = ("bow", "cnn")
PATIENT = {"epochs": 20, "early_stop": 3}  # the ten epochs that are the default end too early where texts are few


def options(given: Given) -> TextOptions:
    train, validation, test = (str(given.folder / f"{part}.jsonl") for part in ("train", "validation", "test"))
    return TextOptions(train, test_data=test, validation_data=validation)


def labels(predictor: Predictor, texts: Sequence[str]) -> list[str]:
    return [predictor.classes[n] for n in predictor.predict_proba(texts).argmax(axis=1).tolist()]


def linear(given: Given) -> Learned:
    data = load(options(given))
    model = LinearModel.fit(data.x_train, data.y_train, data.encoder)
    return Learned(partial(labels, LinearPredictor(model, {})), "")


def trained(given: Given, arch: str, **settings: int) -> Predictor:
    """The network of the epoch with the lowest validation loss."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"seed": given.seed, "out": folder, **settings}
        run = experiment.start_own(named_network(arch), chosen, options(given))
        experiment.train(run, Console(quiet=True))
        return open_predictor(run.folder.best)


def network(given: Given, arch: str) -> Learned:
    return Learned(partial(labels, trained(given, arch)), "")


def better_network(given: Given) -> Learned:
    """Of two networks the one that labels most of the validation texts right; the time is that of both."""
    texts, true = given.validation
    found: dict[str, Predictor] = {arch: trained(given, arch, **PATIENT) for arch in ARCHS}
    arch = max(ARCHS, key=lambda name: accuracy(labels(found[name], texts), true))
    return Learned(partial(labels, found[arch]), arch)


CONTENDERS: dict[str, Callable[[Given], Learned]] = {
    "linear": linear,
    "lstm": partial(network, arch="lstm"),
    "better": better_network,
}

if __name__ == "__main__":
    text_runner.main(CONTENDERS)
