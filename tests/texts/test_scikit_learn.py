"""`TextClassifier` inside scikit-learn's own tools."""

import pickle  # noqa: TID251 - joblib, which scikit-learn copies with, is made of it
from pathlib import Path

import numpy as np
import pytest

from scratchnn import TextClassifier
from tests.texts.test_classifier import SMALL, labelled

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install scratchnn[sklearn]")

TEXTS, LABELS = labelled(48, "good", "bad")


def test_clone_and_what_it_is_known_as() -> None:
    from sklearn.base import clone, is_classifier
    from sklearn.utils import get_tags
    from sklearn.utils.validation import check_is_fitted

    fitted = TextClassifier(**SMALL).fit(TEXTS, LABELS)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert is_classifier(copy)
    assert get_tags(copy).input_tags.string
    check_is_fitted(fitted)
    assert not hasattr(copy, "classes_")


def test_its_error_is_theirs_too() -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    with pytest.raises(NotFittedError):
        check_is_fitted(TextClassifier())
    with pytest.raises(NotFittedError, match="call fit first") as caught:
        TextClassifier().predict_proba(TEXTS)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), NotFittedError)


def test_a_search_in_a_pipeline() -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    upper = [text.upper() for text in TEXTS]
    steps = [("lower", FunctionTransformer(lower)), ("classifier", TextClassifier(**SMALL))]
    search = GridSearchCV(Pipeline(steps), {"classifier__learning_rate": [1e-6, 0.05]}, cv=2, scoring="neg_log_loss")
    search.fit(upper, LABELS, classifier__sample_weight=np.ones(len(TEXTS)))
    assert search.best_params_ == {"classifier__learning_rate": 0.05}
    assert search.score(upper, LABELS) > -0.3


def lower(texts: list[str]) -> list[str]:
    return [text.lower() for text in texts]


def test_archs_are_compared_by_a_search() -> None:
    from sklearn.model_selection import GridSearchCV

    archs = ["ff", "bow", "gru"]
    search = GridSearchCV(TextClassifier(**SMALL), {"arch": archs}, cv=2).fit(TEXTS, LABELS)
    assert [each["arch"] for each in search.cv_results_["params"]] == archs
    best = search.cv_results_["mean_test_score"].argmax()
    assert search.best_estimator_.arch == archs[best] and search.best_estimator_.predict(TEXTS[:1]).shape == (1,)


def test_cross_validation_in_two_processes() -> None:
    from sklearn.model_selection import cross_val_score

    alone = cross_val_score(TextClassifier(**SMALL), TEXTS, LABELS, cv=2)
    assert cross_val_score(TextClassifier(**SMALL), TEXTS, LABELS, cv=2, n_jobs=2).tolist() == alone.tolist() == [1, 1]


def test_joblib(tmp_path: Path) -> None:
    import joblib

    fitted = TextClassifier(**SMALL).fit(TEXTS, LABELS)
    joblib.dump(fitted, tmp_path / "classifier")
    loaded = joblib.load(tmp_path / "classifier")
    assert np.array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
