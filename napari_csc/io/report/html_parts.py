"""The parts that a page is made of: text that cannot break out, tables, rows of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, "Segoe UI", Roboto, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 1.8rem 0 .5rem;
  border-bottom: 1px solid #ccc; padding-bottom: .2rem; }
p { margin: .4rem 0; } .quiet { color: #555; font-size: .87rem; }
.row { display: flex; flex-wrap: wrap; gap: .8rem; } figure { margin: 0; break-inside: avoid; }
.filters { display: grid; grid-template-columns: repeat(8, auto); gap: .6rem .5rem;
  justify-content: start; }
.filters figcaption { max-width: 7rem; }
figure img { display: block; background: #000; } figcaption { font-size: .82rem; color: #333;
  max-width: 15rem; margin-top: .2rem; }
table { border-collapse: collapse; font-size: .87rem; } td, th { text-align: left;
  vertical-align: top; padding: .18rem .7rem .18rem 0; border-bottom: 1px solid #e4e4e4; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } th { font-weight: 600; }
code, pre { font: 13px/1.4 ui-monospace, Menlo, Consolas, monospace; }
pre { background: #f4f4f4; padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; }
.level { display: inline-block; min-width: 3.4rem; text-align: center; border-radius: .3rem;
  padding: 0 .4rem; color: #fff; font-size: .8rem; font-weight: 600; }
.green { background: #1b7f3b; } .amber { background: #a85f00; } .red { background: #b3261e; }
.banner { border: 2px solid #a85f00; background: #fff6e5; padding: .5rem .8rem; margin: .8rem 0; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } h2 { break-after: avoid; }
  .row { flex-wrap: nowrap; } .row figure { flex: 0 1 24%; }
  .filters { grid-template-columns: repeat(8, 1fr); gap: .4rem .3rem; }
  .row img, .filters img { width: 100%; height: auto; } .filters figcaption { font-size: .7rem; }
  .level, figure img { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr, .banner { break-inside: avoid; } @page { margin: 1.5cm; } }
"""


def section(title: str, *parts: str) -> str:
    """Return a section with a title; nothing if it has no content."""
    content = "".join(part for part in parts if part)
    return f"<section><h2>{escape(title)}</h2>{content}</section>\n" if content else ""


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text."""
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{escape(text)}</p>"


def figure(address: str, caption: str, size: tuple[int, int]) -> str:
    """Return a picture with its caption; the size is (height, width) on the screen."""
    height, width = size
    return (
        f'<figure><img src="{address}" alt="{escape(caption, quote=True)}" width="{width}" '
        f'height="{height}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def row_of(figures: Sequence[str]) -> str:
    """Return pictures side by side."""
    return f'<div class="row">{"".join(figures)}</div>' if figures else ""


def table(rows: Sequence[Sequence[object]], head: Sequence[str] = ()) -> str:
    """Return a table; numbers stand to the right. Nothing without rows."""
    if not rows:
        return ""
    top = "".join(f"<th>{escape(one)}</th>" for one in head)
    lines = "".join(f"<tr>{''.join(_cell(one) for one in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{top}</tr>' if top else ''}{lines}</table>"


def findings(rows: Sequence[tuple[str, str, str]]) -> str:
    """Return a table of (level, name, sentence) with a coloured and written level."""
    lines = "".join(
        f'<tr><td><span class="level {escape(level)}">{escape(level)}</span></td>'
        f"<td>{escape(name)}</td><td>{escape(sentence)}</td></tr>"
        for level, name, sentence in rows
    )
    return f"<table>{lines}</table>" if lines else ""


def page(title: str, body: str) -> str:
    """Return the whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Nothing may be fetched, whatever stands in the texts.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>{body}</body></html>\n"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.4g}</td>'
    mark = ' class="number"' if isinstance(value, int) and not isinstance(value, bool) else ""
    return f"<td{mark}>{escape(str(value))}</td>"
