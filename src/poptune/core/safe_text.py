"""What a run shows of itself without harm: secrets masked, and text that neither terminals nor spreadsheets obey.

A run may come from somebody else, and names, messages and hyperparameters may hold anything. Every view uses these:
`masked` for configs, `inert` for what a terminal shows, `table_cell` for CSV. HTML has `html.escape`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "***"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = re.compile(r"pass(word|wd|phrase)s?|pwd|secrets?|credentials?|apikeys?")
_DOOR = re.compile(  # a key to one of these is a secret; a sort key is none
    "api|access|account|admin|app|auth|client|deploy|encryption|hf|license|login|master|openai|private|service|session"
    "|signing|ssh|ssl|storage|subscription|tls|user|wandb|webhook"
)
_TICKET = re.compile("token|bearer|auth|authorization|cookie")
_VOCABULARY = re.compile(  # tokens of a tokenizer
    "begin|bos|class|cls|end|eos|first|image|last|mask|next|pad|prefix|sep|special|start|stop|suffix|unk"
)
_LOGIN = re.compile(r"(?<=://)[^/\s@]*:[^/\s@]*(?=@)")


def masked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config for people to look at: `***` in place of passwords, tokens, keys and the like.

    A key tells what is secret, and so is whatever lies below it. Numbers under the name of a token or key stay, since
    they are counts. Of an address with a password in it, name and password are masked.

    Args:
        config: Hyperparameters, nested as they are, or flattened with `/`. It is left as it is.

    >>> masked({"lr": 0.1, "api_key": "k-123", "db": {"password": 7, "url": "pg://me:pw@host/x"}, "max_tokens": 512})
    {'lr': 0.1, 'api_key': '***', 'db': {'password': '***', 'url': 'pg://***@host/x'}, 'max_tokens': 512}
    """
    return {key: masked_value(str(key), value) for key, value in config.items()}


def unmasked(config: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with the values of another one in place of `***`, where that has some.

    >>> unmasked({"lr": 0.1, "api_key": "***", "token": "***"}, {"lr": 0.5, "api_key": "k-123"})
    {'lr': 0.1, 'api_key': 'k-123', 'token': '***'}
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        own = known.get(key, value)
        inside = isinstance(value, Mapping) and isinstance(own, Mapping)
        found[key] = unmasked(value, own) if inside else own if type(value) is str and value == MASK else value
    return found


def masked_value(key: str, value: Any) -> Any:
    """Return one value of a config for people to look at.

    Args:
        key: Its name, or the whole path to it, joined by `/`.
        value: Anything.

    >>> masked_value("wandb/token", "abc"), masked_value("pad_token", "[PAD]"), masked_value("apiKey", None)
    ('***', '[PAD]', None)
    """
    if value is None or type(value) is float:
        return value
    if (suspicion := _suspicion(key)) == "secret" or (suspicion and not isinstance(value, (int, float))):
        return MASK
    return _masked_inside(value)


def _masked_inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked(value)
    if type(value) in (list, tuple):
        return type(value)(_masked_inside(item) for item in value)
    return _LOGIN.sub(MASK, value) if type(value) is str and "@" in value else value


@lru_cache(4096)
def _suspicion(path: str) -> str:
    """Return "secret" or "likely" for what a path of names says of its value, nothing if it is harmless."""
    found = ""
    for name in path.split("/"):
        words = [word.lower() for word in _WORD.findall(name)]
        if any(map(_SECRET.fullmatch, words)):
            return "secret"
        *before, last = words or [""]
        previous = before[-1] if before else ""
        is_ticket = _TICKET.fullmatch(last) and not _VOCABULARY.fullmatch(previous)
        is_key = last == "key" and (not before or _DOOR.fullmatch(previous))
        found = "likely" if is_ticket or is_key else found
    return found


def inert(text: str, *, lines: bool = False) -> str:
    r"""Return a text with everything that a terminal would obey made visible: controls, escapes, reversed writing.

    Args:
        text: Anything, such as a name or a message.
        lines: Whether line ends and tabs stay as they are, as for a traceback.

    >>> inert("safe\x1b[2J\u202eab\n"), inert("one\n\ttwo", lines=True)
    ('safe\\x1b[2J\\u202eab\\n', 'one\n\ttwo')
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_harmless(letter, lines) else _visible(letter) for letter in text)


def _is_harmless(letter: str, lines: bool) -> bool:
    if letter.isprintable() or (lines and letter in "\n\t"):
        return True
    # Joiners hold letters of some languages and parts of emoji together.
    return letter in "\u200c\u200d" or unicodedata.category(letter) == "Zs"


def _visible(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


_FORMULA = re.compile(r"[\s\x00]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan|infinity)", re.IGNORECASE)
_NUMBERS = frozenset((float, int, bool, type(None)))  # and what stands for none


def table_cell(value: Any) -> Any:
    """Return a value for a CSV file that may be opened in a spreadsheet: text that would be a formula gets a `'`.

    Numbers stay numbers, negative ones too, and text that is one stays as it is.

    >>> [table_cell(value) for value in (-0.5, "-0.5", "=1+1", "@cmd", "- none", "a=b")]
    [-0.5, '-0.5', "'=1+1", "'@cmd", "'- none", 'a=b']
    """
    if type(value) in _NUMBERS or isinstance(value, (int, float)):
        return value
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text.strip()) else value
