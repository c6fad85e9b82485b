"""scikit-learn's linear models for text_sets.py; validation chooses C; one line of JSON.

One class against the others by liblinear's dual solver: of the solvers the fastest here, at no loss of accuracy.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer  # type: ignore[import-not-found]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]
from sklearn.multiclass import OneVsRestClassifier  # type: ignore[import-not-found]

from benchmarks import text_runner
from benchmarks.text_runner import Given, Learned, accuracy

GRID = (0.1, 0.3, 1, 3, 10, 30, 100)
WEIGHTED_GRID = (0.01, 0.03, 0.1, 0.3, 1, 3, 10)  # features that are no unit vectors need more of a penalty


def regression(C: float) -> Any:
    return LogisticRegression(C=C, solver="liblinear", dual=True, max_iter=1000, random_state=0)


def tfidf(given: Given) -> Learned:
    """tf-idf of words and pairs of words, and logistic regression."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return _chosen(given, vectorizer, GRID, lambda C: OneVsRestClassifier(regression(C)))


class Weighted:
    """Logistic regression of one class (y 1) against the others (y 0), on features that naive Bayes has weighted."""

    def __init__(self, C: float, X: Any, y: Any) -> None:
        p, q = (1 + np.asarray(X[np.flatnonzero(y == each)].sum(axis=0)).ravel() for each in (1, 0))
        self.r = csr_matrix(np.log((p / p.sum()) / (q / q.sum())))
        self.model = regression(C).fit(X.multiply(self.r).tocsr(), y)

    def score(self, X: Any) -> Any:
        return self.model.decision_function(X.multiply(self.r).tocsr())


class Versus:
    """One such model for each class, and the class of the highest score."""

    def __init__(self, C: float) -> None:
        self.C = C

    def fit(self, X: Any, y: Any) -> "Versus":
        labels = np.asarray(y)
        self.classes = np.unique(labels)
        kinds = self.classes[1:] if len(self.classes) == 2 else self.classes
        self.models = [Weighted(self.C, X, (labels == each).astype(int)) for each in kinds]
        return self

    def predict(self, X: Any) -> Any:
        scores = [model.score(X) for model in self.models]
        return self.classes[(scores[0] > 0).astype(int) if len(scores) == 1 else np.argmax(scores, axis=0)]


def naive_bayes(given: Given) -> Learned:
    """Wang, Manning, "Baselines and Bigrams", ACL 2012, with logistic regression in place of their SVM."""
    vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True)
    return _chosen(given, vectorizer, WEIGHTED_GRID, Versus)


def _chosen(given: Given, vectorizer: Any, grid: tuple[float, ...], of: Callable[[float], Any]) -> Learned:
    """The model whose C labels most of the validation texts right; of equal ones that of the smallest C."""
    X = vectorizer.fit_transform(given.train[0])
    held_out, true = vectorizer.transform(given.validation[0]), given.validation[1]
    models = {C: of(C).fit(X, given.train[1]) for C in grid}
    best = max(grid, key=lambda C: accuracy(list(models[C].predict(held_out)), true))
    return Learned(lambda texts: list(models[best].predict(vectorizer.transform(texts))), f"C {best:g}")


CONTENDERS = {"tfidf": tfidf, "naive-bayes": naive_bayes}

if __name__ == "__main__":
    text_runner.main(CONTENDERS)
