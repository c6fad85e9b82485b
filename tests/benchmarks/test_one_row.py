import pytest

from benchmarks import one_row


def test_it_times_what_gives_the_same_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(one_row, "BURSTS", 2)
    one_row.main()
    heading, ours, theirs = capsys.readouterr().out.splitlines()
    assert heading.startswith("one review, ") and ours.startswith("scratchnn ") and theirs.startswith("ONNX Runtime ")


def test_an_answer_that_differs_is_no_contender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_row, "answer_of_onnx", lambda model: lambda x: model.predict(x, verbose=0) + 0.1)
    with pytest.raises(AssertionError):
        one_row.main()
