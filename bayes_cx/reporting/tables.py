"""Tables of the report as rows of text and numbers; the template only sets them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy import stats as distributions

from bayes_cx.checks import Check, Interval
from bayes_cx.data import DataProvenance, provenance_of
from bayes_cx.kinds import find_kind
from bayes_cx.page.words import Money, about, chance, count, day, per_cent, plural, shorten, sign
from bayes_cx.reporting.alike import counted, group_columns, history
from bayes_cx.reporting.terms import Terms

if TYPE_CHECKING:
    from bayes_cx.validation import PredictiveCheck

__all__ = [
    "assumptions",
    "checks",
    "coverage",
    "false_alarms",
    "groups",
    "metrics",
    "parameters",
    "predictive",
    "priority",
    "priors",
    "provenance",
    "segments",
    "top_note",
]

_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "kappa": "κ", "rho": "ρ", "lambda": "λ"}


def priority(data: xr.Dataset, money: Money, rows: int = 20) -> list[dict[str, Any]]:
    """Return the first customers of the plan, one row each.

    Parameters
    ----------
    data : Dataset over customer
        `Plan.data`, sorted by priority, or what `alike` makes of it. With ``stay_quantile``, the chance to
        be still a customer at the end of the horizon, the bar shows that.
    money : Money
    rows : int
        How many customers.

    Returns
    -------
    list of dict
        Texts, and the numbers `active` (five quantiles of the probability of being active) for the bar; none
        for a customer who is known to have left.
    """
    top = data.isel(customer=slice(0, rows))
    quantiles = top["gain_quantile"].transpose("customer", "quantile").to_numpy()
    cells = {name: money.column(top[name].to_numpy()) for name in ("value", "value_at_risk", "gain")}
    low_high = money.column(np.concatenate([top["gain"].to_numpy(), quantiles[:, 0], quantiles[:, -1]]))
    n = top.sizes["customer"]
    seen = "stay_quantile" in top
    active = top["stay_quantile" if seen else "p_alive_quantile"].transpose("customer", "quantile").to_numpy()
    share = top["stay" if seen else "p_alive"].to_numpy()
    gone = (top["p_alive"] == 0).to_numpy() & seen
    kinds = group_columns(data)[:1]
    return [
        {
            "rank": count(float(top["rank"][i])),
            "name": shorten(str(top["customer"].values[i]), 44),
            "history": counted(top, i)
            if "customers" in top
            else " · ".join(_history(top.isel(customer=i), kinds)),
            "active": [] if gone[i] else [float(q) for q in active[i]],
            "p_alive": "left" if gone[i] else per_cent(float(share[i])),
            "value": cells["value"][i],
            "at_risk": cells["value_at_risk"][i],
            "gain": cells["gain"][i],
            "interval": f"{low_high[n + i]} to {low_high[2 * n + i]}",
            "p_gain": chance(float(top["p_gain"][i])),
            "offer": shorten(str(top["offer"].values[i]), 24) or "–",
        }
        for i in range(n)
    ]


def top_note(plan: Any, money: Money, rows: int = 20, listed: xr.Dataset | None = None) -> str:
    """Explain how the table is ordered, and why somebody who has probably left can stand high.

    `listed` is what the table shows where it does not list customers one by one.
    """
    text = "Customers stand in the order of their expected net gain."
    if listed is not None:
        return (
            "Customers of the same history get the same answer; amounts are those of one customer. Rows "
            "stand in the order of the expected net gain."
        )
    top = plan.data.isel(customer=slice(0, rows))
    gone = np.flatnonzero(top["p_alive"].to_numpy() < 0.1)
    if not gone.size:
        return text
    first = top.isel(customer=int(gone[0]))
    named = [offer for offer in plan.offers if offer.name == str(first["offer"].values)] or plan.offers[:1]
    return (
        f"{text} One who has almost surely left can stand first: about {per_cent(named[0].win_back.mean)} of "
        f"such customers are taken to come back, and {shorten(str(first['customer'].values), 28)} would then "
        f"bring so much that trying nets {money(float(first['gain']))} on average, although most bring "
        "nothing."
    )


def _history(customer: xr.Dataset, kinds: Sequence[str]) -> list[str]:
    attrs = customer.attrs
    told = history(customer, find_kind(attrs["kind"]), str(attrs["unit"]))
    return [*told, *(shorten(str(customer[kind].values), 20) for kind in kinds)]


def segments(data: xr.Dataset, money: Money, words: Terms) -> list[dict[str, Any]]:
    """Return one row for each label of the plan, and their sum."""
    label = data["label"].to_numpy()
    names = [name for name in words.meaning if (label == name).any()]
    rows = [_sums(data, label == name, name.capitalize(), words.meaning[name]) for name in names]
    return _formatted([*rows, _sums(data, np.ones(label.size, bool), "All customers", "")], money)


def groups(data: xr.Dataset, column: str, money: Money, at_most: int = 8) -> list[dict[str, Any]]:
    """Return one row for each group of customers, those of the highest value first, the smallest joined."""
    group = data[column].to_numpy().astype(str)
    value = data["value"].to_numpy()
    names = sorted(np.unique(group), key=lambda name: -value[group == name].sum())
    kept, rest = names[:at_most], names[at_most:]
    rows = [_sums(data, group == name, shorten(name, 30), "") for name in kept]
    if rest:
        rows.append(_sums(data, np.isin(group, rest), f"{plural(len(rest), 'other group')}", ""))
    return _formatted(rows, money)


def _sums(data: xr.Dataset, mask: np.ndarray, name: str, meaning: str) -> dict[str, Any]:
    contacted = data["contact"].to_numpy() & mask
    return {
        "name": name,
        "meaning": meaning,
        "customers": int(mask.sum()),
        "share": float(mask.mean()) if mask.size else 0.0,
        "active": float(data["p_alive"].to_numpy()[mask].sum()),
        "contacts": int(contacted.sum()),
        "cost": float(data["cost"].to_numpy()[contacted].sum()),
        "value": float(data["value"].to_numpy()[mask].sum()),
        "at_risk": float(data["value_at_risk"].to_numpy()[mask].sum()),
        "gain": float(data["gain"].to_numpy()[contacted].sum()),
    }


def _formatted(rows: list[dict[str, Any]], money: Money) -> list[dict[str, Any]]:
    total = max((row["value"] for row in rows), default=0.0)
    return [
        {
            "name": row["name"],
            "meaning": row["meaning"],
            "customers": count(row["customers"]),
            "share": row["share"],
            "share_text": per_cent(row["share"]),
            "value_share": row["value"] / total if total > 0 else 0.0,
            "active": about(row["active"]),
            "contacts": count(row["contacts"]),
            **{
                name: money.bare(row[name]) if name in ("value", "at_risk") or row["contacts"] else "–"
                for name in ("value", "at_risk", "gain", "cost")
            },
        }
        for row in rows
    ]


def checks(posteriors: Sequence[Any]) -> list[dict[str, str]]:
    """Return one row for each check of each fit; a fit without checks is a row that says so."""
    rows = []
    for posterior in posteriors:
        name = posterior.model.name
        for check in posterior.checks:
            said = {"model": check.about or name, "name": sign(check.name), "target": sign(check.target)}
            said |= {"value": _measured(check.value), "status": check.status, "note": check.note}
            rows.append(said)
        if not posterior.checks:
            rows.append(
                {"model": name, "name": "checks of the fit", "value": "–", "target": "–"}
                | {"status": "not_run", "note": ""}
            )
    return rows


def parameters(posterior: Any) -> list[dict[str, str]]:
    """Return the parameters of a model with mean and 90% interval."""
    rows = []
    for letter, draws in posterior.parameters().items():
        low, high = np.quantile(draws, [0.05, 0.95])
        param = posterior.model.params.get(letter)
        rows.append(
            {
                "letter": _GREEK.get(letter, letter),
                "meaning": getattr(param, "meaning", ""),
                "mean": f"{np.mean(draws):.3g}",
                "interval": f"{low:.3g} to {high:.3g}",
            }
        )
    return rows


def coverage(table: xr.Dataset) -> list[dict[str, Any]]:
    """Return how many customers, and whether the total, fell into the intervals of the forecast."""
    return [
        {
            "level": per_cent(float(row["level"])),
            "customers": per_cent(float(row["customer"])),
            "fair": per_cent(float(row["customer_randomised"])),
            "interval": f"{float(row['customer_randomised_low']):.1%} to "
            f"{float(row['customer_randomised_high']):.1%}",
            "total": f"{count(float(row['total_low']))} to {count(float(row['total_high']))}",
            "inside": bool(row["total_inside"]),
        }
        for row in (table.isel(level=i) for i in range(table.sizes["level"]))
    ]


def assumptions(plan: Any, stats: xr.Dataset, words: Terms, money: Money) -> list[list[str]]:
    """Return what the numbers rest on, as pairs of a name and a text."""
    data, rows = plan.data, []
    for offer in plan.offers:
        charged = "paid for every contact" if offer.charged == "contacted" else "paid when accepted"
        rows.append([f"Offer: {offer.name}", f"costs {money(offer.cost)}, {charged}"])
        rows.append(["ρ, chance that it wins back", _beta(offer.win_back)])
        rows.append(["κ, share of leaving it prevents", _beta(offer.keep)])
    back = (
        "returns at once, and with the same chance however long ago they left; the contract goes on at the "
        "age at which it was left, and the decision to leave counts against their loyalty"
        if words.contracts
        else "returns at once, and with the same chance however long the silence; is then taken to buy at a "
        "pace that counts the silence, with one more decision to leave against their loyalty"
    )
    rows += [
        ["Who is won back", back],
        ["Who is kept", "the share of leaving that the offer prevents lasts for the whole horizon"],
    ]
    for name in ("budget", "capacity"):
        limit = plan.settings.get(name)
        if limit not in (None, ""):
            text = money(float(limit)) if name == "budget" else plural(int(limit), "contact")
            rows.append([name.capitalize(), text])
    until = str(data.attrs["until"])
    start = f"from {day(until)}" if until else "from the end of observation"
    rows.append(["Horizon", f"{data.attrs['horizon']} {start}"])
    margin = float(plan.settings.get("margin", 1.0))
    counts = "all that customers pay" if margin == 1.0 else f"{100 * margin:.3g}% of what customers pay"
    goods = f"the cost of goods {'is not' if margin == 1.0 else 'is thereby'} taken off"
    if money.noun:
        rows.append(["Value", f"{words.events} are counted, because no amounts are known"])
    elif (each := data.attrs.get("worth")) is not None:
        rows.append(["Value", f"every {words.event} is worth {money(float(each))}, {counts}; {goods}"])
    else:
        rows.append(["Value", f"{counts}; {goods}"])
    rows.append(
        ["Discount rate", f"{100 * float(data.attrs['discount_rate']):.3g}% a year, continuous in time"]
    )
    source = provenance_of(stats)
    if source.returns and not money.noun:
        treated = {
            "reject": "rows with a negative amount are rejected",
            "net": "a return is taken off the customer's latest purchase before it",
            "ignore": "rows with a negative amount are left out",
        }
        rows.append(["Returns", treated.get(source.returns, source.returns)])
    if source.rows_zero:
        rows.append(["Purchases for nothing", f"{count(source.rows_zero)} rows, counted as purchases"])
    if source.rows_read is not None:
        rows.append(["Rows read", count(source.rows_read)])
        rows.append(["Rows rejected", _rejected(source)])
    return rows


def _beta(prior: Any) -> str:
    """Return a response prior: mean and 90% interval."""
    low, high = distributions.beta(prior.alpha, prior.beta).ppf([0.05, 0.95])
    interval = f"mean {prior.mean:.1%}, 90% interval {low:.1%} to {high:.1%}"
    return f"Beta({prior.alpha:g}, {prior.beta:g}): {interval}"


def priors(posteriors: Sequence[Any]) -> list[list[str]]:
    """Return model, quantity and prior of each quantity that was fitted."""
    return [
        [posterior.model.name, posterior.model.priors[name].meaning, text.replace("-", "−")]
        for posterior in posteriors
        for name, text in posterior.provenance.priors.items()
    ]


def metrics(found: Sequence[Check]) -> list[dict[str, str]]:
    """Return one row for each check of the hold-out."""
    return [
        {
            "name": sign(check.name),
            "value": _measured(check.value),
            "interval": _interval(check.interval),
            "target": sign(check.target),
            "status": check.status,
            "note": sign(check.note),
        }
        for check in found
    ]


def false_alarms(found: Sequence[Check]) -> str:
    """Say how many of the checks on the hold-out would fail by chance with forecasts that are right."""
    levels = [check.alarm for check in found if check.alarm is not None]
    if not levels:
        return ""
    return (
        f"How often chance alone fails it is known of {plural(len(levels), 'check')}: with forecasts that "
        f"are right, {sum(levels):.2g} failures or fewer are to be expected among them."
    )


def predictive(found: "Sequence[PredictiveCheck]") -> tuple[list[dict[str, str]], str]:
    """Return one row for each statistic of each predictive check, and a note on all of them."""
    rows = [
        {
            "model": one.model,
            "source": one.source,
            "name": check.name,
            "value": _measured(check.value),
            "interval": _interval(check.interval),
            "status": check.status,
        }
        for one in found
        for check in one.checks
    ]
    noted = [(one, one.statistics.attrs["note"]) for one in found]
    notes = [f"{one.model}, {one.source}: {note}." for one, note in noted if note]
    judged = [check.alarm for one in found for check in one.checks if check.alarm is not None]
    alarms = (
        f"With models and priors that are right, about {sum(judged):.2g} of {len(judged)} would lie outside."
    )
    return rows, " ".join([alarms, *notes]) if rows else ""


def _rejected(source: DataProvenance) -> str:
    total = source.rows_rejected or 0
    listed = "; ".join(f"{reason}: {count(number)}" for reason, number in source.rejected.items())
    return f"{count(total)} ({listed})" if listed and total else count(total)


def provenance(posteriors: Sequence[Any], stats: xr.Dataset, command: str) -> list[str]:
    """Return the lines that let somebody else make the same report."""
    lines = [command] if command else []
    data = provenance_of(stats)
    if data.sha256:
        lines.append(f"data {data.source} sha256 {data.sha256}".replace("  ", " "))
    for posterior in posteriors:
        made = posterior.provenance
        lines.append(f"{posterior.model.name}: {made.method}, seed {made.seed}")
    versions = posteriors[0].provenance.versions
    lines.append(", ".join(f"{name} {number}" for name, number in versions.items()))
    return lines


def _measured(value: float | None) -> str:
    return "–" if value is None else _number(value)


def _interval(found: Interval | None) -> str:
    return "–" if found is None else f"{_number(found.low)} to {_number(found.high)}"


def _number(value: float) -> str:
    """Return a number that may be of any size, without powers of ten."""
    if 0 < abs(value) < 1e-4:
        return "<0.0001" if value > 0 else "0.0000"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text.replace("-", "−")
