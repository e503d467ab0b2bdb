"""`{% trans %}` translated when a template is compiled, not each time it is rendered.

Each language has its own environment, so the translated sentence is known at compile time.
Jinja's own extension looks sentences up and fills them by `Markup.__mod__` at each rendering, which
is half of the cost of a mail.
"""

import re
from collections.abc import Callable

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

_SPACES = re.compile(r"\s*\n\s*")
_GAP = re.compile(r"%\((\w+)\)s")


class TranslatedSentences(Extension):
    """`{% trans name=expression, … %}A sentence with a {{ name }}.{% endtrans %}`.

    The environment's `translate` returns the sentence in its language, with gaps as `%(name)s`.
    """

    tags = frozenset({"trans"})  # type: ignore[assignment]

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        values = self._values(parser)
        translate: Callable[[str], str] = self.environment.translate  # type: ignore[attr-defined]
        pieces = _GAP.split(translate(self._sentence(parser)))
        output: list[nodes.Expr] = []
        for text, name in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
            output.append(nodes.TemplateData(text.replace("%%", "%")))
            if name:
                output.append(values[name])
        return nodes.Output(output, lineno=line)

    def _values(self, parser: Parser) -> dict[str, nodes.Expr]:
        values: dict[str, nodes.Expr] = {}
        while not parser.stream.current.test("block_end"):
            if values:
                parser.stream.expect("comma")
            name = parser.stream.expect("name").value
            parser.stream.expect("assign")
            values[name] = parser.parse_expression()
        parser.stream.expect("block_end")
        return values

    def _sentence(self, parser: Parser) -> str:
        """The message id for gettext: one line, gaps as `%(name)s`."""
        parts = []
        while not parser.stream.current.test("block_begin"):
            if parser.stream.current.test("data"):
                parts.append(next(parser.stream).value.replace("%", "%%"))
            else:
                parser.stream.expect("variable_begin")
                parts.append(f"%({parser.stream.expect('name').value})s")
                parser.stream.expect("variable_end")
        next(parser.stream)
        parser.stream.expect("name:endtrans")
        return _SPACES.sub(" ", "".join(parts).strip())
