"""Finds the texts for translators in code."""

import ast
import re
from collections.abc import Iterator

Text = str | tuple[str, str]

# The functions that translate, and which of their arguments is a text.
TRANSLATES = {
    **dict.fromkeys(("tr", "marked", "say", "tell", "fail", "_fail"), (0,)),
    **dict.fromkeys(("reset_button", "wrapped"), (0,)),
    "button": (0, 1),
    "add": (0, 2),
}
_WORD = re.compile(r"[^\W\d_]{3}")
ERRORS = {"CscError", "NeedsChoice", "ReconstructionStopped"}
# Functions whose texts nobody reads in the viewer.
SILENT = {"debug", "info", "warning", "exception", "getLogger", "compile", "warn"}
_WORDS = re.compile(r"[^\W\d_]{2,}[,:;]? +\W*[^\W\d_]|[^\W\d_]{2}[^{}]*\{|\}[^{}]*[^\W\d_]{2}")


def translated_in(code: str) -> Iterator[tuple[int, Text]]:
    """Return lines and texts that functions translate; of a plural both, as a pair."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        texts = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
        name = _name(node)
        if name == "counted" and all(isinstance(one, str) for one in texts[:2]):
            yield node.lineno, (texts[0], texts[1])
        for place in TRANSLATES.get(name, ()):
            text = texts[place] if place < len(texts) else None
            if isinstance(text, str) and sum(one.isalpha() for one in text) > 1:
                yield node.lineno, text


def sentences_of(code: str, only_errors: bool = False) -> Iterator[tuple[int, Text]]:
    """Return lines and sentences of code that knows no languages, with fields for their values.

    All that errors say, f-strings with words, and plain sentences.

    Parameters
    ----------
    code
        Python.
    only_errors
        Whether to take only what errors say.
    """
    found = _Sentences(only_errors)
    found.visit(ast.parse(code))
    yield from found.texts


class _Sentences(ast.NodeVisitor):
    def __init__(self, only_errors: bool) -> None:
        self.texts: list[tuple[int, Text]] = []
        self._only_errors = only_errors
        self._of_error = False

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # which would be a docstring
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node)
        if name in SILENT:
            return
        before, self._of_error = self._of_error, self._of_error or name in ERRORS
        self.generic_visit(node)
        self._of_error = before

    def visit_Return(self, node: ast.Return) -> None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            text = _escaped(node.value.value)
            self._add(node.lineno, text, _has_words(text))
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        text, values = "", {}
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                text += f"{{{_field(part.value, values)}}}"
                self._visit_value(part.value)
            else:
                text += _escaped(part.value)
        self._add(node.lineno, text, _has_words(text))

    def _visit_value(self, value: ast.expr) -> None:
        """Take what a field may hold, if it is one of two words."""
        self.visit(value)
        if isinstance(value, ast.IfExp):
            for one in (value.body, value.orelse):
                text = one.value if isinstance(one, ast.Constant) else None
                if isinstance(text, str):
                    self._add(one.lineno, _escaped(text), bool(_WORD.search(text)))

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            text = _escaped(node.value)
            is_sentence = bool(re.match(r"[A-Z]", text)) and text.rstrip().endswith(".")
            self._add(node.lineno, text, _has_words(text) and (self._of_error or is_sentence))

    def _add(self, line: int, text: str, is_wanted: bool) -> None:
        if is_wanted and (self._of_error or not self._only_errors):
            self.texts.append((line, text))


def _name(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _has_words(text: str) -> bool:
    """Return whether a text says something: not a path, a part of a page, a sign between names."""
    letters = sum(one.isalpha() for one in re.sub(r"\{\w+\}", "", text))
    return letters > 2 and " " in text and "<" not in text and bool(_WORDS.search(text))


def _field(value: ast.expr, taken: dict[str, str]) -> str:
    """Return a name for what stands in a field: the last one in the expression."""
    names = [
        one.id if isinstance(one, ast.Name) else one.attr
        for one in ast.walk(value)
        if isinstance(one, ast.Name | ast.Attribute)
    ]
    names = [one.strip("_").lower() for one in names if one not in ("self", "len", "str", "join")]
    wanted, code = next(iter(names), "value"), ast.unparse(value)
    name, number = wanted, 2
    while taken.setdefault(name, code) != code:
        name, number = f"{wanted}_{number}", number + 1
    return name
