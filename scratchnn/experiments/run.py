"""One training run on the reviews, with everything it leaves behind: what `python -m scratchnn.train` does."""

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from scratchnn.callbacks import Callback, Logs
from scratchnn.callbacks.history import EXTRA
from scratchnn.core import backend
from scratchnn.core.warning import warn
from scratchnn.data import DataError, Imdb
from scratchnn.data.own.loading import OwnTexts
from scratchnn.data.own.options import TextOptions
from scratchnn.experiments import compiling, own
from scratchnn.experiments.best import early_end, ends_early, save_best, weights_of_best, why_best_is_missing
from scratchnn.experiments.folder import RunFolder
from scratchnn.experiments.preparation import (
    PREDICT_BATCH,
    build_model,
    checksum,
    let_the_rate_fall,
    load_reviews,
    use_every_kernel,
    warm_up,
)
from scratchnn.experiments.presets import Preset
from scratchnn.experiments.pretraining import pretrain
from scratchnn.experiments.settings import Settings
from scratchnn.models.checkpoint import load_newest, save_checkpoint
from scratchnn.models.custom_objects import CustomObjects
from scratchnn.models.model import Model
from scratchnn.models.sequential import Sequential
from scratchnn.report.console import Console
from scratchnn.report.curves import plot_curves
from scratchnn.report.diagram import plot_model
from scratchnn.training.batches import split
from scratchnn.training.health import summary
from scratchnn.training.interrupts import Interrupts
from scratchnn.training.keeping import EVERY_SECONDS, Keeper
from scratchnn.training.progress import Progress


@dataclass
class Run:
    """A run under way: its settings, data, model and folder, and where its training stands."""

    settings: Settings
    data: Imdb | OwnTexts
    model: Model
    folder: RunFolder
    progress: Progress
    options: TextOptions | None = None  # of texts of the user's own


def start(settings: Settings, source: str | None, digest: str | None = None) -> Run:
    """Load the data, build the model and make the run's folder, with a checkpoint to resume from at any time.

    Raises:
        DataError: if `digest` is given, and the data have another one.
    """
    backend.load(settings.backend)  # if it cannot be used here, that is an error before anything is downloaded
    data = load_reviews(settings, source)
    _require_digest(data, digest)
    settings = dataclasses.replace(settings, synthetic=data.is_synthetic)
    return _begun(settings, data, build_model(settings))


def start_own(preset: Preset, chosen: Mapping[str, Any], options: TextOptions, digest: str | None = None) -> Run:
    """The same for texts of the user's own: `chosen` settings have a say, the others follow from the texts."""
    backend.load(chosen.get("backend", Settings.backend))
    settings, data, model, vectors = own.prepared(preset, chosen, options)
    _require_digest(data, digest)
    return _begun(settings, data, model, options, own.about(options, vectors))


def _require_digest(data: Imdb | OwnTexts, digest: str | None) -> None:
    if digest not in (None, data.digest):
        raise DataError(
            f"--config is of a run on the data {digest[:8]}, found {data.digest[:8]} ({data.source}); name those that "
            "are meant with --data"
        )


def _begun(
    settings: Settings,
    data: Imdb | OwnTexts,
    model: Sequential,
    options: TextOptions | None = None,
    about_own: Mapping[str, Any] | None = None,
) -> Run:
    assert model.optimizer is not None
    settings = dataclasses.replace(settings, learning_rate=model.optimizer.learning_rate)
    about_data = {"source": data.source, "digest": data.digest, "oov_share": data.oov_share, **(about_own or {})}
    model.metadata = {"settings": dataclasses.asdict(settings), "data": about_data}
    let_the_rate_fall(model, settings, _rows(data, settings))
    config = {key: value for key, value in dataclasses.asdict(settings).items() if key != "arch"}
    if isinstance(data, OwnTexts):
        model.metadata |= data.encoder.to_metadata()
        config["classes"] = list(data.classes)
    else:
        model.metadata["vocabulary"] = list(data.vocabulary.words)
    folder = RunFolder.create(settings.out, settings.arch, {**config, **model.backend.hardware(), "data": about_data})
    run = Run(settings, data, model, folder, Progress(), options)
    save_checkpoint(model, run.progress, folder.checkpoint)
    return run


def _rows(data: Imdb | OwnTexts, settings: Settings) -> int:
    """How many of them `fit` trains on."""
    held_out = settings.validation_split if isinstance(data, Imdb) else 0.0
    return len(split((data.x_train, data.y_train, None), held_out)[0][0])


def resume(
    path: str | os.PathLike[str],
    source: str | None,
    epochs: int | None,
    early_stop: int | None = None,
    *,
    custom_objects: CustomObjects = None,
    paths: Mapping[str, str] = MappingProxyType({}),
) -> Run:
    """Resume a run from its checkpoint, or from the one before, with a warning, if it is damaged.

    `epochs` and `early_stop` may be others than they were.

    `custom_objects`: the classes of your own in its model, by name, as for `load_model`; `paths`: where the files of
    test_data and validation_data are now, if they have moved.

    Raises:
        FileNotFoundError, ValueError: if there is nothing to resume, or the data are not those it began with.
    """
    folder = RunFolder.open(path)
    model, progress, is_newest = load_newest(folder.checkpoint, custom_objects=custom_objects)
    try:
        settings = Settings(**model.metadata["settings"])
        digest, told_source = model.metadata["data"]["digest"], model.metadata["data"]["source"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder.checkpoint} is not the checkpoint of a training run ({error!r})") from error
    if epochs not in (None, settings.epochs) and settings.learning_rate_decay is not None:
        raise ValueError(
            f"the learning rate of this run falls to 0 in {settings.epochs} epochs, and no other number goes on from "
            "there: leave out --epochs, or begin a run with as many as you want"
        )
    changed = {"epochs": epochs, "early_stop": early_stop}
    settings = dataclasses.replace(settings, **{name: new for name, new in changed.items() if new is not None})
    data, options = _data_again(settings, model, source, paths)
    if data.digest != digest:
        raise DataError(
            f"the run in {folder.path} began with the data {digest[:8]} ({told_source}), found {data.digest[:8]} "
            f"({data.source}); point --data at the same files"
        )
    model.metadata["settings"] = dataclasses.asdict(settings)
    # With the new number of epochs. A damaged one does not take the place of the one before, which was read.
    save_checkpoint(model, progress, folder.checkpoint, keep_previous=is_newest)
    folder = RunFolder.open(path, finished_epochs=progress.epoch)
    run = Run(settings, data, model, folder, progress, options)
    if progress.best_epoch == progress.epoch and not progress.step:
        save_best(model, progress, folder)  # a run that was killed may have the checkpoint of this epoch only
    elif reason := why_best_is_missing(progress, folder):
        warn(f"{reason}; it is kept again once an epoch is better")
    return run


def _data_again(
    settings: Settings, model: Model, source: str | None, paths: Mapping[str, str]
) -> tuple[Imdb | OwnTexts, TextOptions | None]:
    if (saved := model.metadata["data"].get("texts")) is not None:
        return own.texts_again(settings, {**saved, **paths, **({} if source is None else {"data": source})})
    if paths:
        raise ValueError(f"the run is on the film reviews, and has no {', '.join(paths)}: leave it out")
    return load_reviews(settings, source), None


def train(
    run: Run, console: Console, *, every_steps: int | None = None, every_seconds: float | None = EVERY_SECONDS
) -> None:
    """Train to the end. The folder is up to date after every epoch, and after what ends training early.

    Within an epoch the checkpoint is written after so many steps or seconds.
    """
    settings, data = run.settings, run.data
    done = run.progress.epoch
    if done >= settings.epochs:
        console.line(f"{done} epochs are done already; --epochs {done + 10} would add ten")
        return
    if ends_early(run.progress, settings.early_stop):
        console.line(f"{early_end(run.progress)}; a larger --early-stop than {settings.early_stop} would train on")
        return
    keeper = Keeper(
        lambda: save_checkpoint(run.model, run.progress, run.folder.checkpoint),
        steps=every_steps,
        seconds=every_seconds,
        at_epochs=False,  # `Recorder` has it written
    )
    # Ctrl-C waits for the compiler, which swallows exceptions; `fit` has the checkpoint written before it ends.
    with Interrupts() as interrupts:
        work = partial(use_every_kernel, run.model, settings)
        compiling.compile_for(run.model.backend, work, console, interrupts)
        warm_up(run.model, data.x_train[: settings.batch_size])
        interrupts.act()
        _pretrain_once(run, console)
        run.model.fit(
            data.x_train,
            data.y_train,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            **_held_out(run),
            callbacks=[Recorder(run, keeper)],
            progress=run.progress,
            console=console,
            checkpoint=keeper,
        )
        interrupts.act()
        if run.progress.epoch < settings.epochs:
            console.line(early_end(run.progress))


def _pretrain_once(run: Run, console: Console) -> None:
    """Let the model start from a language model, if it is set and has not been done. It is whole or not at all: a run
    that is interrupted in it begins it again."""
    epochs, model = run.settings.pretrain_epochs, run.model
    if not epochs or "pretrained" in model.metadata:
        return
    console.line("A language model of the texts to train on: the loss is in nats for each word that it foretells.")
    loss = pretrain(model, run.data.x_train, epochs, console.counting("windows"))
    model.metadata["pretrained"] = {"epochs": epochs, "loss": loss}
    console.line(
        f"Its perplexity is {math.exp(loss):.1f}. Now {model.name} starts from its embedding and its recurrent layer.\n"
    )
    save_checkpoint(model, run.progress, run.folder.checkpoint)


def _held_out(run: Run) -> dict[str, Any]:
    """What `fit` validates on, and how much each class counts."""
    data = run.data
    if isinstance(data, Imdb):
        return {"validation_split": run.settings.validation_split}
    assert run.options is not None
    held_out = (data.x_validation, data.y_validation) if len(data.x_validation) else None
    return {"validation_data": held_out, "class_weight": own.class_weight(data, run.options)}


def finish(run: Run, console: Console, width: int = 0) -> dict[str, float]:
    """Test, save the model, draw its curves and its layers. Return loss and accuracy on the test reviews.

    They are those of the last epoch, as published. Where another epoch was the best one, it is tested too. `width`: of
    the labels that stand above. Ctrl-C ends a test between two batches; once all tests are done, what is left takes a
    second or two, and is done.
    """
    with Interrupts() as interrupts:
        return _finished(run, console, width, interrupts)


def _finished(run: Run, console: Console, width: int, interrupts: Interrupts) -> dict[str, float]:
    model, folder, last, best = run.model, run.folder, run.progress.epoch, run.progress.best_epoch
    result = tested(run, interrupts)
    label = f"epoch {last} (last{' and best' if best == last else ''})".ljust(width)
    console.line(result_line(label, result, run))
    title = accuracy = f"{run.settings.arch}: test accuracy {result['accuracy']:.4f}"
    model.metadata |= {"epoch": last, "test": result}
    kept = "" if best is None else "best.npz, "
    linear = "linear.npz, " if folder.linear.exists() else ""
    if best not in (None, last):
        if reason := why_best_is_missing(run.progress, folder):
            kept = ""
            console.line(f"test  epoch {best} (best): {reason}")
        else:
            with weights_of_best(model, folder):
                at_best = tested(run, interrupts)
            model.metadata["best"] = {"epoch": best, "test": at_best}
            line = result_line(f"epoch {best} (best)".ljust(len(label)), at_best, run)
            console.line(f"{line}  best: lowest validation loss")
            title += f", of the best epoch {at_best['accuracy']:.4f}"
    if run.progress.findings:
        console.note(f"health: {summary(run.progress.findings)}; see health.csv")
    console.line(f"weights {checksum(model)}")
    model.save(folder.model, overwrite=True)
    if run.data.is_synthetic:
        title = f"{accuracy} on synthetic reviews"  # with both, it would reach the legend
    pictures = ", curves and model as .svg and .png"
    try:
        plot_curves(folder.history(), folder.curves, title=title)
        for suffix in (".svg", ".png"):
            plot_model(model, folder.diagram.with_suffix(suffix))
    except ImportError as error:  # what was trained is there without its pictures
        pictures = ""
        console.line(f"no curves and no picture of the layers: {error}")
    console.line(f"saved {folder.path}{os.sep}: model.npz, {kept}{linear}metrics.csv, config.toml{pictures}")
    return result


def tested(run: Run, interrupts: Interrupts) -> dict[str, float]:
    """Loss and accuracy of the model on the test reviews."""
    data = run.data
    result = run.model.evaluate(
        data.x_test, data.y_test, PREDICT_BATCH, verbose=0, callbacks=Heed(interrupts), return_dict=True
    )
    interrupts.act()
    assert isinstance(result, dict)
    return result


def result_line(label: str, result: dict[str, float], run: Run) -> str:
    low, high = interval(result["accuracy"], len(run.data.x_test))
    return f"test  {label}  loss {result['loss']:.4f}  accuracy {result['accuracy']:.4f}  [{low:.4f}, {high:.4f}] 95%"


def interval(accuracy: float, N: int) -> tuple[float, float]:
    """Wilson's 95% interval for a share of N independent reviews. It leaves out how seeds differ."""
    z = 1.96
    middle = (accuracy + z * z / (2 * N)) / (1 + z * z / N)
    half = z / (1 + z * z / N) * math.sqrt(accuracy * (1 - accuracy) / N + z * z / (4 * N * N))
    return middle - half, middle + half


class Heed(Callback):
    """Acts on Ctrl-C and its like between two batches of a test."""

    def __init__(self, interrupts: Interrupts) -> None:
        self.interrupts = interrupts

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.interrupts.act()


class Recorder(Callback):
    """Keeps the run's folder up to date: a row and a checkpoint after every epoch."""

    def __init__(self, run: Run, keeper: Keeper) -> None:
        self.run, self.keeper = run, keeper

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        run = self.run
        record = run.progress.records[epoch]
        columns = ("loss", "accuracy", "val_loss", "val_accuracy", *EXTRA)
        run.folder.append_row({"epoch": epoch + 1} | {key: record[key] for key in columns if key in record})
        run.folder.write_findings(run.progress.findings)
        self.keeper.keep()
        if run.progress.best_epoch == run.progress.epoch:
            # After the checkpoint, so that it is never of an epoch that the checkpoint has not seen.
            save_best(run.model, run.progress, run.folder)
        if ends_early(run.progress, run.settings.early_stop):
            run.model.stop_training = True
