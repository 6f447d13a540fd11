"""Effects of offers that a trial measured: read from its file, and fitted once a run."""

from functools import lru_cache
from pathlib import Path

import bayes_cx as bcx
from bayes_cx.app.settings import ResponseSettings, Settings
from bayes_cx.errors import FitError, InputError

__all__ = ["check_responses", "response_of"]


def check_responses(settings: Settings) -> None:
    """Read and fit all trials that offers name, before anything that takes its time.

    Raises
    ------
    InputError
        If one of them cannot be read.
    FitError
        If ``settings.compute.strict`` and a trial did not pass its checks.
    """
    for offer in (*settings.offer.offers, *settings.several.actions):
        if offer.response is not None:
            found = response_of(offer.response, settings)
            if (
                settings.compute.strict
                and isinstance(found, bcx.Measured)
                and found.trial.verdict != "passed"
            ):
                failed = ", ".join(c.name for c in found.trial.checks if c.status != "passed")
                raise FitError(
                    f"the trial of the offer {offer.name!r} did not pass: {failed}",
                    "every check passed",
                    "look for what lost customers of an arm, or leave out --strict",
                )


def response_of(response: ResponseSettings, settings: Settings) -> bcx.Response:
    """Return the response of an offer."""
    if response.stated is not None:
        return bcx.Stated(bcx.Beta(*response.stated))
    trial = _trial(response, settings)
    others = [name for name in trial.arms if name != (response.control or trial.control)]
    if response.treated is None and len(others) != 1:
        raise InputError(
            f"a trial of the arms {', '.join(trial.arms)}, and an offer that names none",
            f"one of {', '.join(others)}",
            "add treated to the response",
        )
    return bcx.Measured(trial, response.treated or others[0], response.control or "")


@lru_cache(maxsize=8)
def _trial(response: ResponseSettings, settings: Settings) -> bcx.TrialPosterior:
    read = settings.read
    assert response.measured is not None
    if response.measured.lower().endswith(".nc"):
        found = bcx.load(Path(response.measured))
        if not isinstance(found, bcx.TrialPosterior):
            raise InputError(
                f"{Path(response.measured).name}, which is no posterior of a trial",
                "what `bayes-cx trial` or TrialPosterior.save wrote",
                "name the file of a trial",
            )
        return found
    assert response.arm is not None
    assert response.control is not None
    outcomes = response.outcome
    if outcomes is None:
        if read.time is None and read.dataset is None:
            raise InputError(
                "a response without outcome, in a report that reads no purchases",
                "a column with the outcome",
                "add outcome to the response",
            )
        from bayes_cx.app.observe import read_purchases

        outcomes = read_purchases(settings, read.key())
    stats = bcx.summarise_trial(
        response.measured,
        outcomes,
        arm=response.arm,
        control=response.control,
        customer=response.customer,
        time=response.time,
        measure=response.measure,
        window=response.window,
        until=settings.compute.until if response.outcome is None else None,
        timezone=read.timezone,
        decimal=read.decimal,
        thousands=read.thousands,
        encoding=None if response.measured.lower().endswith((".parquet", ".xlsx")) else read.encoding,
    )
    return bcx.fit(bcx.models.TRIAL, stats, seed=settings.compute.seed)
