"""What is proven of every model: computes it with the tests' own functions and writes docs/proof.md.

``make proof`` fills what is missing or older than its code in docs/proof.json, cell by cell, and renders
the page; a run that is stopped goes on where it was. Name models or cells to compute these alone, and pass
``--again`` to compute them whatever is there. ``--render`` only writes the page.
"""

import argparse
import hashlib
import json
import sys
import time
from inspect import getsourcefile
from pathlib import Path
from types import ModuleType

import numpy as np

import bayes_cx as bcx
from bayes_cx.files import atomic_path
from bayes_cx.model import Model
from bayes_cx.models import MODELS
from bayes_cx.page.fonts import font_files
from bayes_cx.reporting import figures
from bayes_cx.scoring import payments, predict_purchases
from bayes_cx.validation.coverage import coverage

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from docs import proof_page as page  # noqa: E402  the folder above was not on the path
from tests.models import calibration, proofs, stress  # noqa: E402
from tests.models.limits import limits  # noqa: E402
from tests.models.published import PUBLISHED  # noqa: E402
from tests.models.stories import STORIES  # noqa: E402

IMAGES = HERE / "images"
CUT, END, SEEN = "1997-09-30", "1998-06-30", 4


def finding(found: proofs.Finding) -> dict:
    """Return a finding as a cell."""
    if not found.values:
        return {"why": found.why} if found.why else {"passed": False, "broke": "the record cannot be asked"}
    return {
        "kind": found.kind,
        "worst": found.worst if np.isfinite(found.worst) else None,
        "where": found.where,
        "limit": found.limit,
        "number": found.number,
        "passed": found.passed,
        "values": {name: value if np.isfinite(value) else None for name, value in found.values.items()},
    }


def published(model: Model) -> dict:
    """Return the cell of published numbers."""
    table = PUBLISHED.get(model.key, [])
    sources = [f"{known.data} ({known.source})" for known in table]
    return finding(proofs.published(model, table)) | {"sources": sources}


def ranks(method: str):
    """Return the cell of simulation-based calibration by a method; draws its picture too."""

    def cell(model: Model) -> dict:
        if getattr(model.log_lik, "inner", 1) > 1:
            return {"why": "a fit takes minutes, and this makes hundreds"}
        found = calibration.calibrate(model, method)
        figure = figures.ranks(found)
        picture = IMAGES / f"sbc_{model.key}_{method.lower()}.png"
        _draw(figure.svg, picture)
        return {
            "passed": found.verdict == "passed",
            "p": found.p_values,
            "fits": found.ranks.sizes["simulation"],
            "simulations": int(found.ranks.attrs["simulations"]),
            "customers": int(found.ranks.attrs["customers"]),
            "draws": int(found.ranks.attrs["draws"]),
            "choices": {
                name: list(known) for name, known in calibration.setting(model, method)[0].choices.items()
            },
            "unfitted": dict(found.unfitted),
            "flagged": dict(found.flagged),
            "headline": figure.headline,
            "alt": figure.alt,
            "picture": picture.name,
        }

    return cell


def _draw(svg: bytes, path: Path) -> None:
    """Write a figure as an image on white paper, with the fonts that it is meant to have."""
    import io

    import typst
    from PIL import Image

    made = typst.compile(
        b'#set page(width: auto, height: auto, margin: 6pt)\n#image(bytes(sys.inputs.svg), format: "svg")',
        font_paths=[str(font_files()[0].parent)],
        ignore_system_fonts=True,
        format="png",
        ppi=130,
        sys_inputs={"svg": svg.decode()},
    )
    with Image.open(io.BytesIO(made)) as image:
        image.convert("RGB").quantize(32).save(path, optimize=True)


def kept_back(model: Model) -> dict:
    """Return how many customers fell into their predictive intervals, over time that no fit has seen."""
    counts, observed, data = (
        _spend if model.kind.key == "spend" else _renewals if model.kind.key == "contracts" else _purchases
    )(model)
    found = coverage(counts, observed)
    return {
        "share": found["customer_randomised"].to_numpy().tolist(),
        "low": found["customer_randomised_low"].to_numpy().tolist(),
        "high": found["customer_randomised_high"].to_numpy().tolist(),
        "n": int(observed.size),
        "total_inside": [bool(inside) for inside in found["total_inside"].to_numpy()],
        "data": data,
    }


def _cdnow(**options) -> bcx.Split:
    return bcx.split(bcx.load_cdnow(sample=True), CUT, END, "week", **options)


def _purchases(model: Model):
    regular = "regularity" in model.statistics
    parts = _cdnow(opportunities=model.kind.discrete, **({"regularity": True} if regular else {}))
    posterior = bcx.fit(model, parts.calibration, seed=1, progress=False)
    ahead = parts.holdout.attrs["length"]
    counts = predict_purchases(posterior, parts.calibration, ahead, draws=1000, seed=1).to_numpy()
    data = "weeks with a purchase, CDNOW" if model.kind.discrete else "purchases, CDNOW"
    return counts, parts.holdout["x_holdout"].to_numpy(), data


def _renewals(model: Model):
    """Return renewals from the fifth year on of the customers who had made four."""
    parts = []
    whole = bcx.load_cohorts()
    years = int(whole["T"].max()) - SEEN
    for name in np.unique(whole["cohort"].to_numpy().astype(str)):
        early = bcx.load_cohorts(SEEN)
        posterior = bcx.fit(
            model, early.isel(row=(early["cohort"] == name).to_numpy()), seed=1, progress=False
        )
        here = ((whole["cohort"] == name) & (whole["T"] > SEEN)).to_numpy()
        later = bcx.expand(whole.isel(row=here))
        now = later.assign(
            T=("customer", np.full(later.sizes["customer"], SEEN)),
            churned=("customer", np.zeros(later.sizes["customer"], int)),
        )
        made = (later["T"] - later["churned"] - SEEN).to_numpy()
        parts.append((predict_purchases(posterior, now, years, draws=1000, seed=1).to_numpy(), made))
    counts, observed = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
    return counts, observed, f"renewals in years {SEEN + 1} to {SEEN + years}, two cohorts"


def _spend(model: Model):
    parts = _cdnow()
    posterior = bcx.fit(model, parts.calibration, seed=1, progress=False)
    pays = payments(posterior, parts.calibration, 1000, np.random.default_rng(1))
    x, paid = parts.holdout["x_holdout"].to_numpy(), parts.holdout["spend_holdout"].to_numpy()
    bought = (x > 0) & (paid > 0)
    counts = np.array([pay(x)[bought] for pay in pays])
    return counts, paid[bought], "spend on the purchases made, CDNOW"


def of_battery(proof):
    """Return the cell of a proof of the battery."""
    return lambda model: finding(proof(model, STORIES[model.key]))


CELLS = {
    "published": published,
    "likelihood": of_battery(proofs.likelihood),
    "moments": of_battery(proofs.moments),
    "conditioning": of_battery(proofs.conditioning),
    "pmf": of_battery(proofs.pmf),
    "additivity": of_battery(proofs.additivity),
    "dert": of_battery(proofs.dert),
    "alive": of_battery(proofs.alive),
    "limits": of_battery(limits),
    "finite": lambda model: finding(stress.finite(model, page.PLACES)),
    "accuracy": lambda model: finding(stress.accuracy(model, 200)),
    "sbc_laplace": ranks("Laplace"),
    "sbc_nuts": ranks("NUTS"),
    "coverage": kept_back,
}


def digest(model: Model, cell: str) -> str:
    """Return a fingerprint of the files that a cell depends on: formulas, and the fit where there is one."""
    paths = {Path(getsourcefile(module)) for module in _modules() if _is_of(module, model)}
    rooms = ["kernels", "numerics"]  # which evaluate the formulas, and of which they are made
    if cell in ("sbc_laplace", "sbc_nuts", "coverage"):
        rooms.append("inference")
    for room in rooms:
        paths |= set(Path(bcx.__file__).parent.joinpath(room).glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(paths))).hexdigest()[:12]


def _modules() -> list[ModuleType]:
    return [module for name, module in sorted(sys.modules.items()) if name.startswith("bayes_cx.models.")]


def _is_of(module: ModuleType, model: Model) -> bool:
    """Return whether a module defines the model, or is one that models share."""
    defined = [value for value in vars(module).values() if isinstance(value, Model)]
    return not defined or any(value.key == model.key for value in defined)


def compute(names: list[str], again: bool) -> None:
    """Fill the cells that are missing or older than their code, and keep each as it is done."""
    unknown = set(names) - set(MODELS) - set(CELLS)
    if unknown:
        raise SystemExit(f"no such model or proof: {', '.join(sorted(unknown))}")
    models = [key for key in MODELS if key in names] or list(MODELS)
    cells = [name for name in CELLS if name in names] or list(CELLS)
    for cell in cells:
        for key in models:
            cache = json.loads(page.CACHE.read_text()) if page.CACHE.exists() else {}
            model, before = MODELS[key], cache.get(key, {}).get(cell)
            if before and not again and before["code"] == digest(model, cell):
                continue
            start = time.perf_counter()
            try:
                found = CELLS[cell](model)
            except Exception as error:  # a proof that breaks has failed, and the page says so
                found = {"passed": False, "broke": f"{type(error).__name__}: {error}".splitlines()[0]}
            seconds = round(time.perf_counter() - start, 1)
            cache = (
                json.loads(page.CACHE.read_text()) if page.CACHE.exists() else {}
            )  # another run may have added to it
            cache.setdefault(key, {})[cell] = found | {"seconds": seconds, "code": digest(model, cell)}
            with atomic_path(page.CACHE) as unfinished:
                unfinished.write_text(json.dumps(cache, indent=1, sort_keys=True) + "\n")
            print(f"{key} {cell}: {page.short(cell, cache[key][cell])} ({seconds} s)", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="models or proofs to compute; all by default")
    parser.add_argument("--again", action="store_true", help="compute them even if they are there")
    parser.add_argument("--render", action="store_true", help="only write the page")
    arguments = parser.parse_args()
    if not arguments.render:
        compute(arguments.names, arguments.again)
    page.render()
