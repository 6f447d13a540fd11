"""bayes_cx: from what customers did to whom to contact, and how sure that is.

The public names are those of ``__init__.pyi``. They load their modules when they are first used, so importing
the package costs next to nothing.
"""

from importlib import import_module

__version__ = "0.1.0"


def _public() -> dict[str, str]:
    """Return the module of each public name, from lines such as ``from module import name as name``."""
    with open(f"{__file__}i", encoding="utf-8") as stub:
        lines = [line.split() for line in stub if line.startswith("from ")]
    return {words[-1]: words[1] for words in lines}


_MODULE = _public()

__all__ = ["__version__", *_MODULE]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULE:
        from bayes_cx.errors import no_attribute

        raise no_attribute("bayes_cx", name, _MODULE)
    module = _MODULE[name]
    return import_module(f"bayes_cx.{name}") if module == "bayes_cx" else getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
