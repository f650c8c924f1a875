"""Make every page self-contained: mathematics as MathML, and no script from elsewhere."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

THEBE = {"init_thebe_core", "update_thebe_context"}  # declares its constants twice on every page
# links to a picture and to where a figure was made: on one page, to be printed, they lead nowhere
ELSEWHERE = re.compile(r'href="(_images/[^"]*|[^"#]*[.]html#imprint-[^"]*)"')


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write inline mathematics as MathML, which browsers draw by themselves."""
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write displayed mathematics as MathML."""
    self.body.append(
        f'<div class="math" tabindex="0">{convert(node.astext(), display="block")}</div>'
    )
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer and remove what would ask for scripts the book does not use."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("config-inited", _choose_renderer, priority=900)
    app.connect("builder-inited", _drop_thebe)
    app.connect("html-page-context", _plain_citations)
    app.connect("html-page-context", _no_links_on_paper)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _choose_renderer(_app: Sphinx, config: Any) -> None:
    config.html_math_renderer = "mathml"
    config.nb_ipywidgets_js = {}


def _plain_citations(
    _app: Sphinx, _name: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """Drop a role of the list of references that promises items its entries are not."""
    if "body" in context:
        context["body"] = context["body"].replace(
            '<div role="list" class="citation-list">', "<div>"
        )


def _no_links_on_paper(
    app: Sphinx, _name: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """Drop links from the whole book on one page to what is no part of it."""
    if app.builder.name == "singlehtml" and "body" in context:
        context["body"] = ELSEWHERE.sub("", context["body"])


def _drop_thebe(app: Sphinx) -> None:
    for listeners in app.events.listeners.values():
        listeners[:] = [
            one for one in listeners if getattr(one.handler, "__name__", "") not in THEBE
        ]
