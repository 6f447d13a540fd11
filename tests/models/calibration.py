"""Simulation-based calibration of every model by every method, of a size that a machine has time for."""

from dataclasses import replace

from bayes_cx.inference import NUTS, Laplace
from bayes_cx.model import Model
from bayes_cx.validation import Sbc, sbc

__all__ = ["METHODS", "calibrate", "setting"]

METHODS = {"Laplace": Laplace(draws=1000), "NUTS": NUTS(draws=300, tune=300, chains=2)}
# Every value of a choice is a fit of its own: fewer simulations, and few values to choose from for NUTS.
# With 500 ranks a bias of a tenth of a standard deviation is seen.
_SIMULATIONS = {"Laplace": (500, 200), "NUTS": (100, 60)}
_FEW = 2


def setting(model: Model, method: str) -> tuple[Model, int]:
    """Return the model as it is calibrated, and the number of simulations."""
    plain, chosen = _SIMULATIONS[method]
    if not model.choices:
        return model, plain
    few = len(next(iter(model.choices.values()))) if method == "Laplace" else _FEW
    return replace(model, choices={name: known[:few] for name, known in model.choices.items()}), chosen


def calibrate(model: Model, method: str, *, seed: int = 1) -> Sbc:
    """Calibrate a model by ``"Laplace"`` or ``"NUTS"``."""
    chosen, simulations = setting(model, method)
    return sbc(chosen, method=METHODS[method], simulations=simulations, seed=seed, progress=False)
