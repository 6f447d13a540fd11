"""How a record shows itself in a notebook: by a panel that stands above it, looked up by name."""

from importlib import import_module

__all__ = ["html"]


def html(panel: str, record: object) -> str:
    """Return a record as HTML.

    A record stands below the pages on which it is shown, so that reading data loads no pages. This is the one
    place that looks upwards, and by name.

    Parameters
    ----------
    panel : str
        A module of `bayes_cx.reporting.panels`, whose ``blocks(record)`` is shown.
    record : object
    """
    blocks = import_module(f"bayes_cx.reporting.panels.{panel}").blocks(record)
    return import_module("bayes_cx.page.html").fragment(blocks)
