"""The page of proofs: turns docs/proof.json and docs/proof.template.md into docs/proof.md."""

import json
from pathlib import Path

from bayes_cx.models import MODELS
from bayes_cx.validation.coverage import LEVELS
from bayes_cx.validation.sbc import LEVEL
from tests.models.limits import LIMITS
from tests.models.published import PUBLISHED

__all__ = ["CACHE", "PLACES", "TITLES", "render", "short"]

HERE = Path(__file__).parent
CACHE, PAGE, COVERAGE = HERE / "proof.json", HERE / "proof.md", HERE / "coverage.md"
PLACES = 400
"""Extreme places looked at."""

TITLES = {
    "published": "Published estimates and log-likelihoods",
    "likelihood": "Likelihood = integral of the story",
    "moments": "Simulated means and chances",
    "conditioning": "Futures of simulated histories",
    "pmf": "Chances of counts",
    "additivity": "Additivity",
    "dert": "Discounting and DERT",
    "alive": "Being active, and silence",
    "limits": "Limits",
    "finite": "Extreme places: values missing",
    "accuracy": "Extreme places: log-likelihood",
    "sbc_laplace": "Calibration, Laplace",
    "sbc_nuts": "Calibration, NUTS",
    "coverage": "Hold-out intervals, 50 / 80 / 95 %",
}


def short(name: str, cell: dict | None) -> str:
    """Return what a cell of the table shows."""
    if cell is None:
        return "not run"
    if "broke" in cell:
        return "**✗** broke"
    if "why" in cell:
        return f"– {cell['why']}"
    if name == "coverage":
        inside = zip(cell["share"], cell["low"], cell["high"], LEVELS, strict=True)
        shown = (
            f"{share:.1%}" if low <= level <= high else f"**{share:.1%}**"
            for share, low, high, level in inside
        )
        return " / ".join(text.replace("%", "") for text in shown)
    mark = "✓" if cell["passed"] else "**✗**"
    if name.startswith("sbc"):
        return f"{mark} p = {min(cell['p'].values()):.2g}"
    if cell["worst"] is None:
        return f"{mark} not finite"
    if name == "finite":
        return f"{mark} {cell['worst']:g}"
    return f"{mark} {cell['worst']:.2g}"


def table(cache: dict) -> str:
    """Return the table of proofs by models."""
    models = [MODELS[key] for key in MODELS]
    lines = ["| | " + " | ".join(model.name for model in models) + " |", "|---|" + "---|" * len(models)]
    for name, title in TITLES.items():
        row = [short(name, cache.get(model.key, {}).get(name)) for model in models]
        lines.append(f"| {title} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def failures(cache: dict) -> str:
    """Return what failed or was not run, one line each, in full."""
    lines = []
    for key, model in MODELS.items():
        for name, title in TITLES.items():
            cell = cache.get(key, {}).get(name)
            if cell is None:
                lines.append(f"- {model.name}, {title}: not run.")
            elif "broke" in cell:
                lines.append(f"- {model.name}, {title}: {cell['broke']}.")
            elif cell.get("passed") is False and name.startswith("sbc"):
                low = {rank: p for rank, p in cell["p"].items() if p < LEVEL / len(cell["p"])}
                lines.append(
                    f"- {model.name}, {title}: "
                    + ", ".join(f"{rank} p = {p:.2g}" for rank, p in low.items())
                    + "."
                )
            elif cell.get("passed") is False:
                beyond = {where: v for where, v in cell["values"].items() if v is None or v > cell["limit"]}
                shown = ", ".join(
                    f"{where} {'not finite' if v is None else f'{v:.2g}'}" for where, v in beyond.items()
                )
                lines.append(f"- {model.name}, {title} (limit {cell['limit']:g}): {shown}.")
    return "\n".join(lines) or "Nothing."


def missed(cache: dict) -> str:
    """Return where predictive intervals did not hold what they promise on real customers, one line each."""
    lines = []
    for key, model in MODELS.items():
        cell = cache.get(key, {}).get("coverage", {})
        if "share" not in cell:
            continue
        intervals = zip(LEVELS, cell["share"], cell["low"], cell["high"], strict=True)
        beyond = [
            f"{share:.1%} inside {level:.0%} (share within {low:.1%} to {high:.1%})"
            for level, share, low, high in intervals
            if not low <= level <= high
        ]
        if beyond:
            lines.append(f"- {model.name}, {cell['data']}: {', '.join(beyond)}.")
    return "\n".join(lines) or "Nowhere."


def calibrated(cache: dict) -> str:
    """Return the details and pictures of calibration, model by model."""
    parts = [
        "| model | method | fits | worst p | failed a check of their own | choices |",
        "|---|---|---|---|---|---|",
    ]
    pictures = []
    for key, model in MODELS.items():
        for name in ("sbc_laplace", "sbc_nuts"):
            cell = cache.get(key, {}).get(name)
            if not cell or "p" not in cell:
                continue
            method = "Laplace" if name == "sbc_laplace" else "NUTS"
            least = min(cell["p"], key=lambda rank: cell["p"][rank])
            flagged = ", ".join(f"{check} {n}" for check, n in sorted(cell["flagged"].items())) or "none"
            left_out = "".join(f"; {reason}: {n}" for reason, n in cell["unfitted"].items())
            choices = ", ".join(f"{letter} of {known}" for letter, known in cell["choices"].items()) or "–"
            parts.append(
                f"| {model.name} | {method} | {cell['fits']} of {cell['simulations']}{left_out} | "
                f"{cell['p'][least]:.2g} ({least}) | {flagged} | {choices} |"
            )
            pictures.append(f"![{cell['alt']}](images/{cell['picture']})\n\n*{cell['headline']}.*")
    return "\n".join(parts) + "\n\n" + "\n\n".join(pictures)


def limit_details(cache: dict) -> str:
    """Return every limit with its error and tolerance."""
    lines = ["| model | limit | worst error | tolerance |", "|---|---|---|---|"]
    for key, model in MODELS.items():
        shares = cache.get(key, {}).get("limits", {}).get("values", {})
        for limit in LIMITS.get(key, ()):
            share = shares.get(limit.text)
            error = (
                "not run"
                if limit.text not in shares
                else "not finite"
                if share is None
                else f"{share * limit.limit:.1e}"
            )
            lines.append(f"| {model.name} | {limit.text} | {error} | {limit.limit:.0e} |")
    return "\n".join(lines)


def sources(cache: dict) -> str:
    """Return what the published numbers are and how far the estimates are from them."""
    lines = []
    for key, model in MODELS.items():
        for known in PUBLISHED.get(key, ()):
            values = ", ".join(f"{name} {value:g}" for name, value in known.estimates.items())
            lines.append(
                f"- {model.name}, {known.data}: {values}, log-likelihood {known.log_lik:,.10g}; "
                f"to {known.rtol:g} of each estimate and {known.atol:g} of the height ({known.source})."
            )
    return "\n".join(lines)


def totals(path: Path = COVERAGE) -> str:
    """Return the table of hold-out totals, and what it says, as `make coverage` wrote them."""
    written = path.read_text(encoding="utf-8")
    begin = written.index("## Totals") + len("## Totals")
    return written[begin : written.index("\n## ", begin)].strip()


def render() -> None:
    """Write the page from what is kept."""
    cache = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    page = (HERE / "proof.template.md").read_text()
    run = next(
        (
            cell
            for cells in cache.values()
            for name, cell in cells.items()
            if name == "sbc_laplace" and "draws" in cell
        ),
        {},
    )
    data = sorted(
        {
            cell["coverage"]["data"] + f" ({cell['coverage']['n']:,})"
            for cell in cache.values()
            if "data" in cell.get("coverage", {})
        }
    )
    for mark, text in {
        "TABLE": table(cache),
        "FAILED": failures(cache),
        "MISSED": missed(cache),
        "LIMITS": limit_details(cache),
        "PUBLISHED": sources(cache),
        "CALIBRATION": calibrated(cache),
        "CUSTOMERS": str(run.get("customers", "–")),
        "DRAWS": str(run.get("draws", "–")),
        "PLACES": f"{PLACES:,}",
        "HOLDOUT": "; ".join(data),
        "TOTALS": totals(),
    }.items():
        page = page.replace("{{" + mark + "}}", text)
    PAGE.write_text(page)
    print(PAGE)
