"""The directive `by-number KERNEL`: each numbered equation beside its lines in NumPy, Numba and CUDA."""

import html
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from scratchnn.core import numbered_lines

BACKENDS = {"reference": "NumPy", "cpu": "Numba", "gpu": "CUDA"}
_FORMATTER = HtmlFormatter(nowrap=True)
_LEXERS = {".py": get_lexer_by_name("python"), ".cu": get_lexer_by_name("cuda")}


class ByNumber(Directive):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        kernel = self.arguments[0]
        equations = numbered_lines.equations(kernel)
        if not equations:
            raise self.error(f"the docstring of reference/{kernel}.py numbers no equation")
        lines = {backend: numbered_lines.lines(kernel, backend) for backend in BACKENDS}
        self._follow_sources(kernel)
        blocks = [_block(kernel, number, text, lines) for number, text in equations.items()]
        return [nodes.raw("", f'<div class="by-number">{"".join(blocks)}</div>', format="html")]

    def _follow_sources(self, kernel: str) -> None:
        """A changed source makes Sphinx build the page again."""
        environment = self.state.document.settings.env
        for folder in BACKENDS:
            for path in (numbered_lines.KERNELS / folder).glob("*.*"):
                environment.note_dependency(str(path))


def _block(kernel: str, number: int, equation: str, lines: dict[str, list[numbered_lines.Line]]) -> str:
    anchor = f"{kernel.replace('_', '-')}-{number}"
    head = (
        f'<h3 id="{anchor}"><a href="#{anchor}" aria-label="Equation {number}">({number})</a></h3>'
        f'<pre class="equation">{html.escape(equation)}</pre>'
    )
    parts = []
    for backward, title in ((False, "forward"), (True, "backward")):
        cells = [_cell(name, lines[backend], number, backward) for backend, name in BACKENDS.items()]
        parts.append(f'<h4>{title}</h4><div class="backends">{"".join(cells)}</div>')
    return f'<section class="numbered">{head}{"".join(parts)}</section>'


def _cell(name: str, lines: list[numbered_lines.Line], number: int, backward: bool) -> str:
    found = [line for line in lines if number in line.equations and line.backward == backward]
    by_file: dict[str, list[numbered_lines.Line]] = {}
    for line in found:
        by_file.setdefault(line.file, []).append(line)
    blocks = [
        f"<figcaption>{file}</figcaption><pre>" + "".join(map(_shown, of_file)) + "</pre>"
        for file, of_file in by_file.items()
    ]
    body = "".join(blocks) or '<p class="nothing">no line of its own</p>'
    return f"<figure><h5>{name}</h5>{body}</figure>"


def _shown(line: numbered_lines.Line) -> str:
    code = highlight(line.text, _LEXERS[Path(line.file).suffix], _FORMATTER).rstrip("\n")
    number = f'<span class="line-number">{line.number}</span>'
    return f'<span class="line">{number} <span class="highlight">{code}</span></span>'


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("by-number", ByNumber)
    return {"version": "1", "parallel_read_safe": True}
