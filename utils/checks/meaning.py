"""What was meant by an answer to a question: "(3, 3)", "1", "never", "712 bytes", a Fraction, an error's class.

The right answer says what is asked for: a letter, yes or no, a number, a tuple, or one of them and a word.
"""

import ast
import math
import operator
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np

from utils.checks.results import numbers

NAMES = {name: number for number, name in enumerate((
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"))}
WORDS = {
    **dict.fromkeys(("yes", "true", "y"), True), **dict.fromkeys(("no", "false", "n"), False),
    **dict.fromkeys(("never", "not at all", "infinite", "infinity", "infinitely", "inf", "∞", "forever", "endless"),
                    "never"),
    **dict.fromkeys(("error", "an error", "errors", "raises", "raises an error", "an exception", "exception",
                     "it raises", "it fails", "fails", "crashes", "it crashes"), "error"),
}
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
             ast.Pow: operator.pow}
FUNCTIONS = {name: getattr(math, name) for name in ("log", "log2", "log10", "sqrt", "exp")} | {"ln": math.log}
CONSTANTS = {"pi": math.pi, "e": math.e}
NUMBER = re.compile(r"(?:about|roughly|approximately|ca\.?|=|≈|~)?\s*"
                    r"([-−+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[-+]?\d+)?)\s*"
                    r"(bytes?|steps?|knobs?|parameters?|numbers?|nats?|seconds?|workers?)?")


def meant(value, right, words=False):
    """Return an answer in the form of the right one, where that is what it means, else as it is.

    `words` says whether a word may be the answer, or one of the mistakes, where the right answer is none.
    """
    if isinstance(right, tuple) and isinstance(value, tuple | list) and len(value) == len(right):
        parts = [meant(part, theirs, words) for part, theirs in zip(value, right, strict=True)]
        return parts if isinstance(value, list) else tuple(parts)
    value = value if isinstance(right, tuple | list) else _alone(value)
    if isinstance(right, str) and len(right) == 1:
        return letter(value)
    if isinstance(value, float) and math.isinf(value) and words:
        return "never"
    if isinstance(value, type | BaseException):
        kind = value if isinstance(value, type) else type(value)
        return "error" if issubclass(kind, BaseException) else value
    if isinstance(value, Fraction | Decimal):
        return float(value)
    return _of_text(value, right, words) if isinstance(value, str) else value


def plain(text):
    """Return a text in small letters, without spaces around it and signs behind it."""
    return " ".join(text.split()).rstrip(" .!").strip("'\"").rstrip(" .!").lower()


def letter(value):
    """Return the letter that a text chooses, "b" of "b) the bias", or the text if it chooses several or none."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    first = re.match(r"\(?([a-z])(?:[).:,;]+(?:\s|$)|\s+[-–—=]\s|\)|\s|$)", text)
    if not first or (first[1] == "a" and re.match(r"a\s+\w\w", text)):  # "a richer family"
        return value
    rest = text[first.end():]
    others = re.search(r"(?<![a-z])[a-h](?![a-z]|\[|\s+\w\w)|\b(?:or|not|wrong|no|never)\b", rest)
    return value if others else first[1]


def _alone(value):
    """Return what stands alone in a list, a tuple, a set or an array; anything else as it is."""
    if isinstance(value, tuple | list | set) and len(value) == 1:
        return next(iter(value))
    array = numbers(value)
    return array.item() if array is not None and array.ndim and array.size == 1 else value


def _of_text(text, right, words):
    said = plain(text)
    if isinstance(right, bool | np.bool_):
        found = WORDS.get(re.split(r"[\s,;:.]", said)[0])
        return found if isinstance(found, bool) else text
    word = "error" if re.fullmatch(r"\w*(error|exception)", said) else WORDS.get(said)
    if words and isinstance(word, str):
        return word
    if isinstance(right, tuple):
        return _tuple(said) or text
    if said in NAMES and not isinstance(right, str):
        return NAMES[said]
    if isinstance(right, str):
        return word if isinstance(word, str) else text
    value = computed(said)
    if value is None:
        value = _number(said)
    return text if value is None else value


def _tuple(text):
    """Return "(3, 3)", "3,3" or "3 x 3" as a tuple, else None."""
    parts = re.split(r"\s*(?:,|x|×|by)\s*", text.strip("()[] ").rstrip(", "))
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else None


def _number(text):
    """Return the number in a text such as "712 bytes" or "about 0,5", else None; "12,000" may be either of two."""
    found = NUMBER.fullmatch(text)
    if not found or re.search(r"\d,\d{3}$", found[1]):
        return None
    value = float(found[1].replace("−", "-").replace(",", "."))
    return None if math.isinf(value) else value


def computed(text):
    """Return the number that a text such as "1/3", "-log(0.5)" or "2 * 3^2" comes to, or None."""
    try:
        value = _value(ast.parse(text.replace("^", "**").replace("−", "-").replace("·", "*"), mode="eval").body)
        return value if isinstance(value, int | float) and math.isfinite(value) else None
    except (SyntaxError, ValueError, ArithmeticError, KeyError, TypeError, AttributeError, RecursionError, MemoryError):
        return None


def _value(node):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # of which none is too long to reckon with
    if isinstance(node, ast.Name):
        return CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        return FUNCTIONS[node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id](_value(node.args[0]))
    raise ValueError("no number")
