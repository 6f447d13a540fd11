"""What was forecast for a period that the model had not seen, and what happened."""

import xarray as xr

from bayes_cx.page import Badge, Block, Column, Columns, Notice, Number, Section, Table, Text
from bayes_cx.page.words import between, count, day, per_cent
from bayes_cx.reporting import figures
from bayes_cx.study import Study
from bayes_cx.validation import Holdout

__all__ = ["section"]

_NONE = Notice(
    "not_run",
    "Not known.",
    "No part of the data was kept back, so nothing here says how well the forecasts predict these customers.",
)


def section(study: Study) -> Section | None:
    """Return the forecast beside what happened; without a hold-out, a note that it is not known."""
    found = study.evidence.holdout
    if found is None:
        return Section("Did the forecasts come true?", (_NONE,))
    unit = str(found.tracking.attrs.get("unit", study.stats.attrs.get("unit", "period")))
    kind = study.fits[0].model.kind
    blocks: list[Block] = [
        Text((_tested(found),)),
        figures.tracking(found.tracking, unit),
        Columns(((figures.by_frequency(found.by_frequency),), (figures.calibration(found.calibration),))),
        Section("How often the intervals held", (_coverage(found.coverage),)),
    ]
    if kind.leaving == "observed":
        blocks.append(Section("How many customers stayed", (_survivors(found.reached),)))
    if found.capture is not None:
        blocks.append(figures.capture(found.capture))
    return Section("Did the forecasts come true?", tuple(blocks))


def _tested(found: Holdout) -> str:
    """Say what the model had seen, and what it was asked."""
    cut, until = (str(found.tracking.attrs.get(name, "")) for name in ("fitted_until", "until"))
    if not (cut and until):
        return "The model was fitted to the first part of the data only, then asked about the rest."
    return (
        f"For this test the model was fitted again, to the data until {day(cut)} only, and then asked what "
        f"would happen until {day(until)}."
    )


def _survivors(table: xr.Dataset) -> Table:
    """Return how many customers were still there after each later renewal, as forecast and in fact."""
    low, high = (table["predicted_quantile"].sel(quantile=q, method="nearest") for q in (0.025, 0.975))
    rows = []
    for i, number in enumerate(table["number"].to_numpy()):
        happened, mean = float(table["observed"][i]), float(table["predicted"][i])
        ends = float(low[i]), float(high[i])
        rows.append(
            (
                f"{number}",
                Number(count(mean), mean),
                Number(between(*ends, count), ends[0]),
                Number(count(happened), happened, "strong"),
                Badge("inside", "passed") if ends[0] <= happened <= ends[1] else Badge("outside", "failed"),
            )
        )
    heads = ("Later renewal", "Forecast", "95% interval", "Still there", "")
    note = (
        f"Of {count(table.attrs['customers'])} customers who were there when the hold-out began. Who was "
        "asked less often counts as long as the customer stayed."
    )
    return Table(tuple(map(Column, heads)), tuple(rows), label="Customers still there", note=note)


def _coverage(table: xr.Dataset) -> Table:
    """Return how many customers were inside the intervals of the forecast, and whether the total was."""
    rows = []
    for i in range(table.sizes["level"]):
        row = table.isel(level=i)
        level, inside, fair, low, high, total_low, total_high = (
            float(row[name])
            for name in (
                *("level", "customer", "customer_randomised", "customer_randomised_low"),
                *("customer_randomised_high", "total_low", "total_high"),
            )
        )
        held = bool(row["total_inside"])
        rows.append(
            (
                per_cent(level),
                Number(per_cent(inside), inside),
                Number(per_cent(fair), fair, "strong"),
                Number(between(low, high, "{:.1%}".format, "{:.2%}".format), low),
                Number(between(total_low, total_high, count), total_low),
                Badge("inside", "passed") if held else Badge("outside", "failed"),
            )
        )
    happened = count(table.attrs["total_observed"])
    heads = (
        *("Interval", "Customers inside", "Adjusted", "95% interval of adjusted"),
        *(f"Total forecast ({happened} happened)", "Total"),
    )
    note = (
        "Counts are whole numbers, so an interval that includes its two ends holds more customers than its "
        "level. “Adjusted” counts customers at an end only in part; this share should equal the first column."
    )
    return Table(tuple(map(Column, heads)), tuple(rows), label="How often the intervals held", note=note)
