"""One of our recurrent layers alone, timed as oneDNN's is (see layers.py); one line of JSON."""

import numba

import scratchnn as nn
from benchmarks import layers
from scratchnn.core.threads import kernel_threads

if __name__ == "__main__":
    layers.main(layers.Ours, f"scratchnn {nn.__version__}", numba.set_num_threads, kernel_threads())
