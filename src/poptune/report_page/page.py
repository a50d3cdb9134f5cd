"""The report page: a document and the page's own files become the text of one HTML file that needs nothing else.

The page may load nothing, run nothing but its own scripts, which it names by their hashes, and send nothing. What the
document says reaches the page as JSON in an element that is not executed, and from there as text, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

_PARTS = (
    *("model", "view", "charts", "curves", "schedules", "lineage", "ancestors"),
    *("sections", "health", "tables", "main"),
)
_SCRIPTS = ("uPlot.iife.min.js", *(f"{part}.js" for part in _PARTS))
_STYLES = ("uPlot.min.css", "page.css")
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'"
)


def html(document: dict[str, Any]) -> str:
    """Return the page that shows a document.

    >>> "alert(1)" in html({"run": {"name": "</script><script>alert(1)</script>"}})
    True
    >>> "<script>alert(1)" in html({"run": {"name": "</script><script>alert(1)</script>"}})
    False
    """
    scripts, styles = [asset(name) for name in _SCRIPTS], [asset(name) for name in _STYLES]
    parts = {
        "policy": _POLICY.format(scripts=" ".join(map(_hash, scripts)), styles=" ".join(map(_hash, styles))),
        "styles": "\n".join(f"<style>{text}</style>" for text in styles),
        "data": embedded(document),
        "scripts": "\n".join(f"<script>{text}</script>" for text in scripts),
    }
    head, *rest = asset("page.html").split("{{")
    pieces = [head]
    for piece in rest:
        name, _, text = piece.partition("}}")
        pieces += [parts[name], text]
    return "".join(pieces)


def embedded(document: dict[str, Any]) -> str:
    """Return a document as JSON that can stand in a page: nothing in it ends the element, or is markup.

    Raises:
        ValueError: It holds a number that is not finite.

    >>> embedded({"name": "</script>"})
    '{"name":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


@cache
def asset(name: str) -> str:
    """Return the text of one of the page's own files."""
    return files("poptune.report_page").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
