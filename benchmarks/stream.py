"""What labelling many lines costs, beside `model.predict` alone: `python -m benchmarks.stream RUN` (a minute).

RUN is the folder of a run on the film reviews. 10,000 test reviews go line by line through what `predict RUN -` does,
and as rows of ids, which are encoded already, through `model.predict`; interleaved. Printed are medians of the seconds
of the CPU, all threads together, and of the clock. It takes the real reviews (SCRATCHNN_DATA).
"""

import io
import statistics
import sys
import time
from collections.abc import Callable

from scratchnn.data import imdb
from scratchnn.data.lines import blocks_of_lines
from scratchnn.texts.predictor import NetworkPredictor, open_predictor

REVIEWS, ROUNDS = 10_000, 7


def main() -> None:
    predictor = open_predictor(sys.argv[1])
    assert isinstance(predictor, NetworkPredictor)
    data = imdb.load(num_words=None, maxlen=3000, synthetic=False)
    texts = [data.decode(row).replace(" br ", " <br /> ") for row in data.x_test[:REVIEWS]]
    content = "\n".join(texts).encode()
    x = predictor.encoder.encode(texts)
    predictor.proba_of(x[:64])
    model = predictor._fastest()
    ways: dict[str, Callable[[], object]] = {
        "model.predict(x)": lambda: model.predict(x, verbose=0),
        "model.predict(x, batch_size=256)": lambda: model.predict(x, batch_size=256, verbose=0),
        "lines": lambda: labelled(predictor, content),
        "lines, finding the words alone": lambda: predictor.encoder.encode(texts),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            clock, cpu = time.perf_counter(), time.process_time()
            way()
            seconds[name].append((time.process_time() - cpu, time.perf_counter() - clock))
    of_predict = None
    for name, found in seconds.items():
        cpu, clock = (statistics.median(times) for times in zip(*found, strict=True))
        of_predict = of_predict or cpu
        print(f"{name:34} {cpu:6.3f} s of CPU, {cpu / of_predict:4.2f} times the first   {clock:6.3f} s")


def labelled(predictor: NetworkPredictor, content: bytes) -> int:
    lines = 0
    for texts in blocks_of_lines(io.BytesIO(content), "the reviews"):
        found = predictor.predictions(texts, many=True)
        lines += len("".join(f"{each.label}\t{each.probability:.4f}{each.doubt}\n" for each in found).splitlines())
    return lines


if __name__ == "__main__":
    main()
