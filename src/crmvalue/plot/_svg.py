"""A figure as text: SVG to stand inside a page, the same bytes on every run."""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from crmvalue.plot._style import printable, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONTS = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, Helvetica, sans-serif"

_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def to_svg(figure: Figure, name: str, label: str) -> str:
    """Write a figure as SVG for the inside of an HTML page.

    Text stays text, in the fonts of the reader's system; the picture has no fixed size and takes
    the width that the page gives it. There is no date and no random name in it: the same figure
    gives the same text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    name : str
        A name unique on the page, of letters, digits and hyphens; ids in the SVG begin with it.
    label : str
        What the picture shows, read aloud in its place (``aria-label``).

    Returns
    -------
    str
        One ``<svg>`` element.

    Raises
    ------
    MissingExtraError
        Where matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> _ = figure.subplots().plot([0, 1])
    >>> to_svg(figure, "line", "A line")[:60]
    '<svg viewBox="0 0 460.8 345.6" id="line" role="img" aria-lab'
    """
    target = io.StringIO()
    with style(), warnings.catch_warnings():
        # A letter that this font lacks is drawn by the reader's browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # only measured here
        figure.savefig(
            target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    root = ET.fromstring(printable(target.getvalue()))
    _strip(root)
    _rename_ids(root, name)
    root.attrib = {
        "viewBox": root.get("viewBox", ""),
        "id": name,
        "role": "img",
        "aria-label": label,
        "font-family": FONTS,
        "stroke-linejoin": "round",
    }
    return ET.tostring(root, encoding="unicode")


def _strip(root: ET.Element) -> None:
    """Leave out namespaces (HTML knows them), style sheets and digits that nobody sees."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for child in list(element):
            if child.tag.endswith(("}style", "}metadata")):
                element.remove(child)
        attributes = {k.rpartition("}")[2]: _short(v) for k, v in element.attrib.items()}
        if attributes.get("transform", "").startswith("rotate(-0 "):
            del attributes["transform"]
        if element.tag == "text":
            attributes["style"] = re.sub(r"font-family: [^;]*(; )?", "", attributes["style"])
        element.attrib = attributes
        if element.text and element.tag != "text":
            element.text = element.text.strip() or None
        element.tail = None


def _short(value: str) -> str:
    value = _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value)
    return " ".join(value.split())


def _rename_ids(root: ET.Element, name: str) -> None:
    """Number the ids that are referred to and drop the others.

    matplotlib makes them of random salt and, in old versions, of memory addresses.
    """
    wanted: dict[str, str] = {}
    for element in root.iter():
        for value in element.attrib.values():
            for found in _REFERENCE.findall(value):
                wanted.setdefault(found, f"{name}-{len(wanted) + 1}")
        if element.get("href", "").startswith("#"):
            wanted.setdefault(element.attrib["href"][1:], f"{name}-{len(wanted) + 1}")
    for element in root.iter():
        if (own := element.attrib.pop("id", None)) in wanted:
            element.set("id", wanted[own])
        for attribute, value in list(element.attrib.items()):
            if attribute == "href":
                element.set("href", f"#{wanted[value[1:]]}")
            else:
                element.set(attribute, _REFERENCE.sub(lambda m: f"url(#{wanted[m[1]]})", value))
