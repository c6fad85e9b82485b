"""Compute kernels: one forward/backward pair per layer, in one folder per backend.

`contract.py` states what every backend provides and may assume.
"""

BACKENDS = ("reference", "cpu", "gpu")  # the folders
