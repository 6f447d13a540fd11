"""The priority list: whom to contact in which order, and how sure each contact is."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from bayes_cx.decision import Offer
from bayes_cx.kinds import Kind
from bayes_cx.page import Band, Cell, Column, Extract, Name, Number, Section, Table
from bayes_cx.page.words import Money, chance, count, per_cent, plural, shorten
from bayes_cx.reporting.alike import counted, group_columns
from bayes_cx.reporting.effects_in_words import none_measured
from bayes_cx.reporting.phrases import phrases
from bayes_cx.reporting.studied import kind_of_study, left_waiting, listed, money_of, plan_of
from bayes_cx.study import Study

__all__ = ["section"]

# Rows on paper: customers, or histories that many customers share (as many as a page holds).
_CUSTOMERS, _HISTORIES = 20, 30
# Below this chance to be active a customer has almost surely left.
_GONE = 0.1
# Rows on a screen.
_ON_SCREEN = 10_000


def section(study: Study) -> Section | None:
    """Return the first customers of the plan: some on paper, many more on a screen."""
    if study.plan is None:
        return None
    return Section("Priority list", (_table(study),), new_page=True)


def _table(study: Study) -> Table:
    data, money, kind = listed(study), money_of(study), kind_of_study(study)
    words = phrases(kind)
    top = data.isel(customer=slice(0, _ON_SCREEN))
    shown = min(_HISTORIES if "customers" in data else _CUSTOMERS, data.sizes["customer"])
    currency = money.noun or money.currency
    amounts = f"Amounts{f' in {currency}' if currency else ''}, over the horizon."
    legend = (
        f"Bars: {words.bars}, with 50% (dark) and 90% (pale) interval; the tick on the bar is the median, "
        f"the orange line marks 50%. {amounts}"
    )
    rows = _rows(top, money, kind, _only_if_back(study, top))
    bars = any(isinstance(cell, Band) for row in rows[:shown] for cell in row)
    note = (
        f"{_order(study, shown)} Net gain: what the contact is expected to bring, less its cost. Worth it: "
        "chance that the offer is worth its cost on average, before the luck of whether this one customer "
        "responds. Value: what the customer is expected to bring without the offer. At risk: how much more "
        "that would be if the customer were sure to stay."
    )
    return Table(
        (
            Column(),
            Column("Customer", wide=True),
            Column(words.bar, ends=("0%", "100%")),
            Column(),
            *map(Column, ("Value", "At risk", "Net gain", "90% interval", "Worth it", "Offer")),
        ),
        rows,
        caption=_title(data, plan_of(study).n_contacted, top.sizes["customer"], paper=False),
        legend=legend,
        label="Priority list",
        note=note,
        extract=Extract(
            shown,
            _title(data, plan_of(study).n_contacted, shown, paper=True),
            legend if bars else amounts,
        ),
        total=data.sizes["customer"],
        rest="the table of the plan, priority.csv, has them all",
    )


def _rows(top: xr.Dataset, money: Money, kind: Kind, back: Mapping[int, str]) -> tuple[tuple[Cell, ...], ...]:
    """Return one row a customer; no bar for one who is known to have left."""
    seen = "stay_quantile" in top
    bars = top["stay_quantile" if seen else "p_alive_quantile"].transpose("customer", "quantile").to_numpy()
    share = top["stay" if seen else "p_alive"].to_numpy()
    gone, notice = (top["p_alive"].to_numpy() == 0) & seen, kind.leaving_next(top)
    value, risk, gain = (top[name].to_numpy() for name in ("value", "value_at_risk", "gain"))
    ends = top["gain_quantile"].transpose("customer", "quantile").to_numpy()[:, [0, -1]]
    values, risks, gains = (money.column(amounts) for amounts in (value, risk, gain))
    # one number of decimals for the expected gain and its interval
    printed = money.column(np.concatenate([gain, ends[:, 0], ends[:, 1]]))
    n = gain.size
    lows, highs = printed[n : 2 * n], printed[2 * n :]
    rank, p_gain, offer = (top[name].to_numpy() for name in ("rank", "p_gain", "offer"))
    names = top["customer"].to_numpy()
    notes = [" · ".join(filter(None, (back.get(i), note))) for i, note in enumerate(_histories(top, kind))]
    return tuple(
        (
            Number(count(float(rank[i])), float(rank[i]), "soft"),
            Name(shorten(str(names[i]), 44), notes[i]),
            "" if gone[i] else Band(_five(bars[i])),
            Number("notice" if notice[i] else "left", 0.0)
            if gone[i]
            else Number(per_cent(float(share[i])), float(share[i])),
            Number(values[i], float(value[i])),
            Number(risks[i], float(risk[i])),
            Number(gains[i], float(gain[i]), "strong"),
            Number(lows[i] if lows[i] == highs[i] else f"{lows[i]} to {highs[i]}", float(ends[i, 0]), "soft"),
            Number(chance(float(p_gain[i])), float(p_gain[i])),
            shorten(str(offer[i]), 24) or "–",
        )
        for i in range(n)
    )


def _five(quantiles: np.ndarray) -> tuple[float, float, float, float, float]:
    a, b, c, d, e = (float(q) for q in quantiles)
    return a, b, c, d, e


def _histories(top: xr.Dataset, kind: Kind) -> Sequence[str]:
    """Return each customer's history in a few words, or how many customers share it."""
    n = top.sizes["customer"]
    if "customers" in top:
        return [counted(top, i) for i in range(n)]
    unit, tell = str(top.attrs["unit"]), kind.words["en"].history
    columns = {
        name: top[name].to_numpy().astype(float) for name in kind.columns if name in top and name != "first"
    }
    groups = [top[name].to_numpy().astype(str) for name in group_columns(top)[:1]]
    tiers = [top["tier"].to_numpy().astype(str)] if "tier" in top else []
    return [
        " · ".join(
            [
                *tell({name: float(column[i]) for name, column in columns.items()}, unit),
                *(tier[i] for tier in tiers),
                *(shorten(str(group[i]), 20) for group in groups),
            ]
        )
        for i in range(n)
    ]


def _returning(study: Study, offer: Offer, i: int) -> float:
    """Return the chance to win back a customer of the plan after this silence."""
    kind, data = kind_of_study(study), plan_of(study).data.isel(customer=slice(i, i + 1))
    silence = 0.0 if kind.silence is None else float(kind.silence(kind.numbers(data))[0])
    return offer.win_back.mean * 2.0 ** (-silence / offer.half_life_in(str(data.attrs["unit"])))


def _only_if_back(study: Study, top: xr.Dataset) -> dict[int, str]:
    """Return a remark by row for those who have most probably left, and are worth a contact all the same."""
    if "customers" in top:
        return {}
    named = {offer.name: offer for offer in plan_of(study).offers}
    gone = (top["p_alive"].to_numpy() < _GONE) & (top["gain"].to_numpy() > 0)
    if "stay" in top:
        gone &= top["p_alive"].to_numpy() == 0
    found = {}
    for i in np.flatnonzero(gone):
        offer = named.get(str(top["offer"].values[i]))
        if offer is None:
            continue
        found[int(i)] = "pays only if won back"
        if offer.response is None:
            how = "assumed" if none_measured([offer]) else "expected"
            found[int(i)] += f" ({per_cent(_returning(study, offer, int(i)))} {how})"
    return found


def _title(data: xr.Dataset, number: int, shown: int, paper: bool) -> str:
    """Say which rows these are, and whom of them to contact."""
    customers = data.sizes["customer"]
    if "customers" in data:
        whom = f"the {plural(customers, 'history', 'histories')}"
        whom = f"All {whom[4:]}" if shown == customers else f"The first {count(shown)} of {whom}"
        return f"{whom} that customers have, in the order of priority."
    if number == 0:
        whom = plural(shown, "customer")
        if "withheld_contacts" in data.attrs:
            return f"The {whom} with the largest expected gain; a campaign would almost surely lose money."
        if left_waiting(data):
            return f"The first {whom}; the budget or the capacity leaves no room for a contact."
        return f"The {whom} nearest to being worth a contact; none of them is today."
    if number >= customers == shown:
        return f"All {plural(shown, 'customer')}, in the order in which to contact them."
    if number < shown:
        if paper:
            return f"The first {plural(shown, 'customer')}; {_first(number, data)}."
        of_all = f"{plural(customers, 'customer')} in the order of priority"
        return f"{of_all}; {_first(number, data)}."
    return f"The first {count(shown)} of {plural(number, 'customer')} to contact."


def _first(number: int, data: xr.Dataset) -> str:
    """Say of how many customers a contact is worth its cost, or for how many there is room."""
    if left_waiting(data):
        return f"contact {'only the first' if number == 1 else f'the first {count(number)}'}"
    return f"{'only the first is' if number == 1 else f'the first {count(number)} are'} worth a contact"


def _order(study: Study, shown: int) -> str:
    """Explain how the table is ordered, and why a customer who has probably left can come first."""
    plan, money = plan_of(study), money_of(study)
    if "customers" in listed(study):
        return (
            "Customers with the same history get the same answer; amounts are those of one customer. Rows "
            "are in the order of the expected net gain."
        )
    text = "Customers are in the order of their expected net gain."
    if "tier" in plan.data:
        text += " Below each: what the customer did, and the tier by value."
    top = plan.data.isel(customer=slice(0, shown))
    gone = np.flatnonzero((top["p_alive"].to_numpy() < _GONE) & (top["gain"].to_numpy() > 0))
    if not gone.size:
        return text
    first = top.isel(customer=int(gone[0]))
    named = [offer for offer in plan.offers if offer.name == str(first["offer"].values)] or plan.offers[:1]
    who, since = "almost surely left", "who have been silent for so long"
    if kind_of_study(study).leaving == "observed":
        who, since = "left", "whose contract ended so long ago"
    if named[0].response is not None:
        return f"{text} A customer who has {who} can come first, who would bring much if he or she came back."
    left = _returning(study, named[0], int(gone[0]))
    return (
        f"{text} A customer who has {who} can come first: about {per_cent(left)} of those {since} are "
        "assumed to come back, and "
        f"{shorten(str(first['customer'].values), 28)} would then bring so much that the contact gains "
        f"{money(float(first['gain']))} on average, although most such contacts bring nothing."
    )
