"""Both ends of a worker: a process that answers one question after another, and may fail alone.

After an illegal address the device refuses all further work of that process, and a wrong barrier never ends. So each
framework runs in a process of its own; one that ended, or is silent for too long, is replaced by a new one for the
next question, and the question is answered with an error.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

Answer = dict[str, Any]


class Worker:
    """The asking end. The process starts at the first question."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread()

    def ask(self, question: dict[str, Any], patience: float) -> Answer:
        """{"result": ...} or {"error": why there is none}. `patience`: seconds to wait for it."""
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            line = self._lines.get(timeout=patience)
        except queue.Empty:
            self.close()
            return {"error": f"no answer within {patience:.0f} s"}
        except OSError:
            line = None
        if line is None:
            status = process.wait()
            self.close()
            return {"error": f"the process ended with status {status}"}
        try:
            answer = json.loads(line)
        except ValueError:  # it died in the middle of it
            self.close()
            return {"error": f"the process ended while it answered: {line[:100]!r}"}
        if answer.pop("ends", False):
            self.close()
        return answer

    def close(self) -> None:
        """End the process and those that it started, such as compilers."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        self._reader.join()
        for pipe in (process.stdin, process.stdout):
            try:
                assert pipe is not None
                pipe.close()
            except OSError:  # a question that was never read
                pass

    def _start(self) -> subprocess.Popen[str]:
        self._process = process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._lines = lines = queue.Queue()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)
            lines.put(None)

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        return process


def serve(answer: Callable[[dict[str, Any]], Any], tidy: Callable[[], None] = lambda: None) -> None:
    """The answering end: questions from the standard input, answers to the standard output, a line each.

    `tidy` frees memory between two questions. After an error other than too little memory the process ends: the state
    of the device is then unknown.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print there is not an answer
    for line in sys.stdin:
        reply: Answer
        try:
            reply = {"result": answer(json.loads(line))}
        except Exception as error:
            kind = type(error).__name__
            text = " ".join(str(error).split())[:300]
            reply = {"error": f"{kind}: {text}", "ends": kind not in ("MemoryError", "OutOfMemoryError")}
        if not reply.get("ends"):
            try:
                tidy()
            except Exception as error:
                print(f"memory could not be given back: {error}", file=sys.stderr)
                reply["ends"] = True
        answers.write(json.dumps(reply) + "\n")
        answers.flush()
        if reply.get("ends"):
            return
