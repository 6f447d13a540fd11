"""What a notebook shows for each record: the result first, where it came from folded below.

The records call these in their ``_repr_html_``; nothing here imports them. Statistics and scores are xarray
Datasets, which have a repr of their own: `show` gives them ours.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_cx.checks import Check, verdict
from bayes_cx.errors import InputError
from bayes_cx.kinds import find_kind, kind_of
from bayes_cx.panel import (
    Html,
    badge,
    check_badges,
    density_svg,
    histogram_svg,
    interval,
    measured,
    number,
    panel,
    percent,
    table,
    verdict_words,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Shown",
    "checks_table",
    "holdout_html",
    "plan_html",
    "posterior_html",
    "score_html",
    "show",
    "split_html",
    "statistics_html",
    "transactions_html",
]

FIRST_ROWS = 10
LONGEST_ID = 40


@dataclass(frozen=True)
class Shown:
    """A Dataset dressed for a notebook; elsewhere its plain text."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def show(data: "xr.Dataset") -> Shown:
    """Return statistics or scores as a notebook should show them.

    Parameters
    ----------
    data : xarray.Dataset
        From `summarise`, `split` or `score`.

    Raises
    ------
    InputError
        If the Dataset is neither.
    """
    names = set(data.data_vars)
    if {"mean", "sd"} <= names:
        return Shown(score_html(data), repr(data))
    if "kind" in data.attrs:
        return Shown(statistics_html(data), repr(data))
    raise InputError(
        f"a Dataset with {', '.join(map(str, names)) or 'no variables'}",
        "statistics (with an attribute kind) or scores (mean, sd)",
        "show the Dataset itself",
    )


def posterior_html(posterior: Any) -> str:
    """Return a posterior as a panel: parameters with densities; checks, priors and provenance folded."""
    made, parameters = posterior.provenance, posterior.parameters()
    n_draws = max((np.size(values) for values in parameters.values()), default=0)
    sampled = n_draws > 1
    rows = []
    for letter, values in parameters.items():
        meaning = posterior.model.params[letter].meaning
        if sampled:
            bounds = interval(*np.quantile(values, [0.025, 0.975]))
            rows.append((letter, number(np.mean(values)), bounds, density_svg(values), meaning))
        else:
            rows.append((letter, number(np.mean(values)), meaning))
    head = ("parameter", "mean", "95% interval", "posterior", "what it is")
    subtitle = [
        f"{number(made.n_customers)} customers",
        f"until {made.data.until}" if made.data.until else "",
        f"time in {made.data.unit}s",
        f"{made.method}, {number(n_draws)} draw{'s' * sampled}",
        f"{made.seconds:.1f} s",
    ]
    priors = [
        (name, prior.text, prior.meaning, prior.reason) for name, prior in posterior.model.priors.items()
    ]
    return panel(
        f"{posterior.model.name} posterior",
        _dotted(subtitle),
        check_badges(posterior.checks, posterior.model.name),
        table(head if sampled else ("parameter", "estimate", "what it is"), rows),
        [
            (
                f"checks: {verdict_words(posterior.checks)}",
                checks_table(posterior.checks, posterior.model.name),
            ),
            ("priors and why", table(("quantity", "prior", "what it is", "why"), priors)),
            ("the model in words", _list([posterior.model.story, *posterior.model.limits])),
            ("data and provenance", _mapping(made.as_dict())),
        ],
        warning=_warning(posterior.checks, posterior.model.name),
    )


def plan_html(plan: Any) -> str:
    """Return a plan as a panel: the first customers, a badge a label; totals, offers and settings folded."""
    data, attrs = plan.data, plan.data.attrs
    first = data.isel(customer=slice(FIRST_ROWS))
    low, high = (_quantile(first, "gain_quantile", q) for q in (0.05, 0.95))
    columns = (
        [number(int(v)) for v in first["rank"].to_numpy()],
        _ids(first),
        [percent(v) for v in first["p_alive"].to_numpy()],
        [number(v) for v in first["value"].to_numpy()],
        [number(v) for v in first["gain"].to_numpy()],
        [interval(a, b) for a, b in zip(low, high, strict=True)],
        [percent(v) for v in first["p_gain"].to_numpy()],
        list(first["offer"].to_numpy()),
        list(first["label"].to_numpy()),
    )
    head = (
        "rank",
        "customer",
        find_kind(attrs["kind"]).words["en"].active,
        "value",
        "net gain",
        "90% interval",
        "worth it on average",
        "offer",
        "what to do",
    )
    labels, counts = np.unique(data["label"].to_numpy().astype(str), return_counts=True)
    n, contacted = int(data.sizes["customer"]), int(np.sum(data["contact"].to_numpy()))
    offers = [tuple(vars(offer).values()) for offer in plan.offers]
    return panel(
        f"Contact {number(contacted)} of {number(n)} customers",
        _dotted(
            [
                f"value over {attrs.get('horizon', '')}",
                f"discounted at {attrs['discount_rate']:.0%} a year" if "discount_rate" in attrs else "",
                f"cost {number(attrs['total_cost'])} {_counted(attrs)}" if "total_cost" in attrs else "",
            ]
        ),
        [badge(f"{label} {number(int(count))}") for label, count in zip(labels, counts, strict=True)],
        table(head, zip(*columns, strict=True)),
        [
            ("totals", _totals(data)),
            ("offers", table(tuple(vars(plan.offers[0])), offers) if offers else ""),
            ("settings", _mapping({**attrs, **plan.settings})),
        ],
    )


def _counted(attrs: Mapping[str, Any]) -> str:
    """Return what value is counted in."""
    return attrs.get("currency", "") if attrs.get("values", "spend") == "spend" else str(attrs["values"])


def _totals(data: "xr.Dataset") -> Html:
    rows = []
    for name in (str(name) for name in data.data_vars if str(name).startswith("total_")):
        values = data[name].to_numpy()
        bounds = interval(*np.quantile(values, [0.05, 0.95]))
        words = name.removeprefix("total_").replace("_", " ")
        rows.append((words, number(float(np.mean(values))), bounds, density_svg(values)))
    return table(("total", "mean", "90% interval", ""), rows)


def score_html(score: "xr.Dataset") -> str:
    """Return scores as a panel: how the means spread over customers, and the first customers."""
    attrs = score.attrs
    new = "customer" not in score.dims
    if new:
        score = score.expand_dims(customer=["any new customer"])
    form = percent if attrs.get("unit") == "probability" else number
    mean = score["mean"].to_numpy()
    first = score.isel(customer=slice(FIRST_ROWS))
    columns = [_ids(first), [form(v) for v in first["mean"].to_numpy()]]
    head = ["customer", "mean"]
    if "quantile" in score:
        low, high = (float(p) for p in score["probability"].to_numpy()[[0, -1]])
        ends = first["quantile"].transpose("customer", "probability").to_numpy()[:, [0, -1]]
        head.append(f"{high - low:.0%} interval")
        columns.append([interval(a, b, form) for a, b in ends])
    return panel(
        f"{attrs.get('meaning', '') or attrs.get('quantity', 'score')}".capitalize(),
        _dotted(
            [
                "" if new else f"{number(mean.size)} customers",
                str(attrs.get("quantity", "")),
                f"t = {attrs['t']}" if attrs.get("t") not in (None, "") else "",
                str(attrs.get("unit", "")),
            ]
        ),
        [
            badge(f"{name} {form(value)}")
            for name, value in (
                ("smallest", np.min(mean, initial=np.inf)),
                ("mean", mean.mean() if mean.size else np.nan),
                ("largest", np.max(mean, initial=-np.inf)),
            )
            if mean.size and not new
        ],
        Html(
            ("" if new else histogram_svg(mean, width=280, height=44))
            + table(head, zip(*columns, strict=True))
        ),
        [("provenance", _mapping(attrs))],
    )


def statistics_html(stats: "xr.Dataset") -> str:
    """Return statistics as a panel: each column's spread; what was read and rejected folded."""
    attrs, rejected = stats.attrs, json.loads(stats.attrs.get("rejected") or "{}")
    size = next(iter(stats.sizes.values()))
    weight = stats["weight"].to_numpy() if "weight" in stats else np.ones(size, dtype=int)
    n = int(weight.sum())
    kind = kind_of(stats)
    numbers = kind.numbers(stats)
    lively = kind.lively(numbers)
    told = f"{number(int(weight[lively].sum()))} {kind.words['en'].lively}"
    rows = []
    for name, values in numbers.items():
        seen = np.repeat(values, weight)[~np.isnan(np.repeat(values, weight))] if n else values
        if seen.size:
            spread = (number(v) for v in (seen.min(), np.median(seen), seen.mean(), seen.max()))
            rows.append((name, *spread, histogram_svg(seen), kind.columns[name].meaning))
    return panel(
        f"{number(n)} customers, {told}",
        _dotted(
            [
                f"{attrs.get('period_start', '')} to {attrs['until']}" if attrs.get("until") else "",
                f"time in {attrs['unit']}s" if "unit" in attrs else "",
                f"{number(size)} rows with a weight" if "weight" in stats else "",
            ]
        ),
        _row_badges(attrs.get("rows_read"), rejected),
        table(("column", "min", "median", "mean", "max", "customers", "what it is"), rows),
        [("rejected rows", _reasons(rejected)), ("provenance", _mapping(attrs))],
    )


def transactions_html(transactions: Any) -> str:
    """Return transactions as a panel: rows read, accepted and rejected by reason."""
    rejected = dict(transactions.rejected_by_reason)
    accepted = transactions.rows_read - sum(rejected.values())
    amounts = "with amounts" if transactions.has_amount else "without amounts"
    return panel(
        f"{number(accepted)} transactions",
        _dotted([amounts, f"returns: {transactions.returns}"]),
        _row_badges(transactions.rows_read, rejected),
        _reasons(rejected),
        [("provenance", _mapping({"source": transactions.source, "sha256": transactions.sha256}))],
    )


def split_html(split: Any) -> str:
    """Return a split as a panel: what the model may see and what it is tested on."""
    calibration, holdout, kind = split.calibration, split.holdout, kind_of(split.calibration)
    words, forecast = kind.words["en"], kind.forecast
    seen = forecast.before(kind.numbers(calibration)) if forecast else np.zeros(calibration.sizes["customer"])
    later = holdout[forecast.counted].to_numpy() if forecast else seen
    rows = [
        ("calibration", calibration.attrs.get("period_start", ""), calibration.attrs.get("until", ""), seen),
        ("hold-out", holdout.attrs.get("start", ""), holdout.attrs.get("end", ""), later),
    ]
    body = [(n, a, b, number(int(x.sum())), number(int((x > 0).sum()))) for n, a, b, x in rows]
    head = ("period", "from", "to", words.repeats, "customers with one")
    return panel(f"{number(seen.size)} customers, split in time", table=table(head, body))


def holdout_html(holdout: Any) -> str:
    """Return a hold-out as a panel: every check with its interval, target and status."""
    body = [
        (
            check.name,
            check.about,
            number(check.value),
            "" if check.interval is None else interval(check.interval.low, check.interval.high),
            check.target,
            badge(check.status.replace("_", " "), check.status),
        )
        for check in (*holdout.checks, *holdout.by_group)
    ]
    head = ("check", "of", "value", "interval", "target", "status")
    return panel(
        "Hold-out", verdict_words(holdout.checks), table=table(head, body), warning=_warning(holdout.checks)
    )


def checks_table(checks: Iterable[Check], within: str = "") -> Html:
    """Return the checks of what is `within` as a table."""
    rows = [
        (
            c.named(within),
            measured(c.value),
            c.target.replace("<=", "≤").replace(">=", "≥"),
            badge(c.status.replace("_", " "), c.status),
            c.note,
        )
        for c in checks
    ]
    return table(("check", "value", "target", "status", "note"), rows)


def _warning(checks: Iterable[Check], within: str = "") -> str:
    checks = tuple(checks)
    match verdict(checks):
        case "failed":
            failed = ", ".join(check.named(within) for check in checks if check.status == "failed")
            return f"{verdict_words(checks).capitalize()} ({failed}): do not act on this before it is mended."
        case "not_run":
            return f"{verdict_words(checks).capitalize()}: this is not a pass."
        case _:
            return ""


def _row_badges(rows_read: Any, rejected: Mapping[str, int]) -> list[Html]:
    if rows_read is None:
        return []
    n = sum(rejected.values())
    return [
        badge(f"{number(rows_read)} rows read"),
        badge(f"{number(n)} rejected"),
    ]


def _reasons(rejected: Mapping[str, int]) -> Html:
    return table(("rejected because", "rows"), [(reason, number(n)) for reason, n in rejected.items() if n])


def _mapping(values: Mapping[str, Any]) -> Html:
    """Return names and values as a table; a mapping inside is one line of ``name value`` pairs."""
    rows = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{k} {v}" for k, v in value.items())
        rows.append((name, "none" if value is None else value))
    return table(("", ""), rows)


def _list(items: Iterable[str]) -> Html:
    return Html(f"<ul>{''.join(f'<li>{Html.of(item)}</li>' for item in items)}</ul>")


def _ids(data: "xr.Dataset") -> list[str]:
    """Return customer ids as text, the middle of a very long one left out."""
    ids = [str(customer) for customer in data["customer"].to_numpy()]
    return [text if len(text) <= LONGEST_ID else f"{text[: LONGEST_ID - 9]}…{text[-8:]}" for text in ids]


def _dotted(parts: Iterable[str]) -> str:
    return " · ".join(part for part in parts if part)


def _quantile(data: "xr.Dataset", name: str, q: float) -> np.ndarray:
    return data[name].sel(quantile=q).to_numpy()
