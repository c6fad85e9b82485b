"""One of our recurrent layers alone, timed as oneDNN's is (see layers.py); one line of JSON."""

from scratchnn_kernels.cpu.launching import use_threads

import scratchnn as nn
from benchmarks import layers
from scratchnn.core.threads import kernel_threads

if __name__ == "__main__":
    layers.main(layers.Ours, f"scratchnn {nn.__version__}", use_threads, kernel_threads())
