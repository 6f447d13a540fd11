"""The display of records in notebooks, by panels that are looked up by name."""

from importlib import import_module

__all__ = ["html"]


def html(panel: str, record: object) -> str:
    """Return a record as HTML.

    Records are defined in rooms that must not import the panels that show them, so that reading data loads no
    pages. This is the only place that looks up a panel, and it does so by name.

    Parameters
    ----------
    panel : str
        A module of `bayes_cx.reporting.panels`, whose ``blocks(record)`` is shown.
    record : object
    """
    blocks = import_module(f"bayes_cx.reporting.panels.{panel}").blocks(record)
    return import_module("bayes_cx.page.html").fragment(blocks)
