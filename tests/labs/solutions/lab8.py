import itertools

import numpy as np

QUANTILE = {3: 4.302653, 6: 2.570582, 8: 2.364624, 10: 2.262157}
sign_of_ten = "above"
share_of_triples = 0.2
smallest_p_of_three = 0.125


def share_unanimous(differences):
    threes = list(itertools.combinations(differences, 3))
    return sum(min(three) > 0 or max(three) < 0 for three in threes) / len(threes)


def interval(differences):
    S = len(differences)
    half = QUANTILE[S] * differences.std(ddof=1) / np.sqrt(S)
    return np.array([differences.mean() - half, differences.mean() + half])


def sign_flip_p(differences):
    patterns = np.array(list(itertools.product((1, -1), repeat=len(differences))))
    return (np.abs(patterns @ differences) >= abs(differences.sum())).mean()


WRONG = (
    ("min(three) > 0 or max(three) < 0", "min(three) > 0", "below zero agree as well"),
    ("differences.std(ddof=1) / np.sqrt(S)", "differences.std() / np.sqrt(S)", "divides by S - 1"),
    ("differences.std(ddof=1) / np.sqrt(S)", "differences.std(ddof=1)", "divide by √S"),
    (">= abs(differences.sum())", "> abs(differences.sum())", "at least, not above"),
)
