"""The provenance of a posterior, kept with its draws as text."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from bayes_cx.data import DataProvenance
from bayes_cx.errors import InputError
from bayes_cx.inference.layout import Layout
from bayes_cx.model import Prior
from bayes_cx.spans import UNITS

__all__ = ["OWN", "Provenance"]

OWN = "another sampler"
"""The method of draws that were not made by `fit`."""


@dataclass(frozen=True)
class Provenance:
    """Where draws come from: all that is needed to make them again, and to read them.

    Attributes
    ----------
    model : str
        Key of the model.
    method : str
        What ran: NUTS, Laplace, MAP, MLE, prior, or `OWN`.
    method_settings : mapping
    seed : int
    seconds : float
        How long it took.
    scale : float
        What made the coordinates of the priors unit-free.
    priors : mapping of str to str
        By coordinate, as printed.
    layout : Layout
        How the parameters differ between customers.
    n_customers, rows : int
        Customers, and the rows to which equal ones were compressed.
    versions : mapping of str to str
        By library.
    data : DataProvenance
        Where the statistics come from.
    choices : mapping of str to float
        The posterior probability of each choice of the model, by a text such as ``"k=2"``; empty without.
    own_priors : mapping of str to Prior
        The priors, by coordinate, that `Model.with_priors` put in place of those of the model.
    """

    model: str
    method: str
    method_settings: Mapping[str, Any]
    seed: int
    seconds: float
    scale: float
    priors: Mapping[str, str]
    layout: Layout
    n_customers: int
    rows: int
    versions: Mapping[str, str]
    data: DataProvenance
    choices: Mapping[str, float] = field(default_factory=dict)
    own_priors: Mapping[str, Prior] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain data, which JSON can hold."""
        return asdict(self)

    def to_json(self) -> str:
        """Return the record as JSON text; `from_json` reads it."""
        # In their own order: draws of slopes follow the columns of the layout.
        return json.dumps(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> "Provenance":
        """Return the record that `to_json` wrote.

        Raises
        ------
        InputError
            If the text cannot be read, or a field is missing or unknown.
        """
        try:
            values = dict(json.loads(text))
            _check_fields(cls, values, "provenance")
            _check_fields(DataProvenance, values["data"], "provenance of data")
            lists = {name: tuple(value) for name, value in values["data"].items() if isinstance(value, list)}
            layout, data = Layout.from_dict(values["layout"]), DataProvenance(**values["data"] | lists)
            own_priors = {name: Prior(**prior) for name, prior in values.get("own_priors", {}).items()}
        except InputError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"provenance that cannot be read ({error})", *_AGAIN) from error
        if data.unit not in UNITS:
            raise InputError(f"provenance in the unit {data.unit!r}", *_AGAIN)
        return cls(**{**values, "layout": layout, "data": data, "own_priors": own_priors})


_AGAIN = "what this version of bayes_cx writes", "fit and save it again"


def _check_fields(cls: type, values: Mapping[str, Any], what: str) -> None:
    known = {one.name: one for one in fields(cls)}
    missing = [
        name
        for name, one in known.items()
        if name not in values and one.default is MISSING and one.default_factory is MISSING
    ]
    if missing:
        raise InputError(f"{what} without {', '.join(missing)}", *_AGAIN)
    if unknown := [name for name in values if name not in known]:
        raise InputError(f"{what} with {', '.join(unknown)}", *_AGAIN)
    for name, value in values.items():
        if not _is_of(known[name].type, value):
            raise InputError(f"{what} with {name} = {str(value)[:40]}", *_AGAIN)


def _is_of(kind: Any, value: Any) -> bool:
    """Say whether a value that JSON held is of the type of a field."""
    if isinstance(value, bool):
        return False
    origin = get_origin(kind) or kind
    if origin in (str, int):
        return isinstance(value, origin)
    if origin is float:
        return isinstance(value, int | float)
    if origin is Mapping:
        inside = get_args(kind)[1]
        return isinstance(value, dict) and (
            inside is Any or all(_is_of(inside, one) for one in value.values())
        )
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_is_of(get_args(kind)[0], one) for one in value)
    if origin is tuple:
        return isinstance(value, list) and all(_is_of(get_args(kind)[0], one) for one in value)
    if origin is UnionType:
        return any(_is_of(one, value) for one in get_args(kind))
    return value is None if kind is NoneType else isinstance(value, dict)
