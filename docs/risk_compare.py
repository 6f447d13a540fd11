"""Whom a list of those at risk finds, beside rules and classifiers: ``python docs/risk_compare.py``.

Every rule is learnt from the same periods until the same cut and ranks the same customers on the same dates
after it. The operator is `bcx.simulate_operator`; scikit-learn comes with the extra ``dev``.
"""

import argparse

import numpy as np
import xarray as xr
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bayes_cx as bcx
from bayes_cx.inference.risk_design import RiskDesign
from bayes_cx.validation import risk_rules


def _columns(periods: xr.Dataset, rows: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return what the hazard is fitted to, so that no rule knows more or less than another."""
    design = RiskDesign.of(periods, ("segment",))
    return design.matrix(periods), design.matrix(rows)


def logistic(periods: xr.Dataset, rows: xr.Dataset) -> np.ndarray:
    """Return chances from a logistic regression whose penalty is chosen by cross-validation."""
    x, asked = _columns(periods, rows)
    y, weight = periods["happened"].to_numpy() > 0, periods["weight"].to_numpy()
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=10, cv=5, scoring="neg_log_loss", max_iter=500, l1_ratios=(0.0,), use_legacy_attributes=False
        ),
    )
    model.fit(x, y, logisticregressioncv__sample_weight=weight)
    return model.predict_proba(asked)[:, 1]


def boosted(periods: xr.Dataset, rows: xr.Dataset) -> np.ndarray:
    """Return chances from boosted trees that stop when a tenth left out gets no better."""
    x, asked = _columns(periods, rows)
    y, weight = periods["happened"].to_numpy() > 0, periods["weight"].to_numpy()
    model = HistGradientBoostingClassifier(
        learning_rate=0.03, max_iter=500, max_leaf_nodes=8, early_stopping=True, random_state=1
    )
    return model.fit(x, y, sample_weight=weight).predict_proba(asked)[:, 1]


def main() -> None:
    """Print what each rule finds of the operator's customers who leave."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--customers", type=int, default=5000)
    asked.add_argument("--seed", type=int, default=1)
    asked = asked.parse_args()
    operator = bcx.simulate_operator(asked.customers, seed=asked.seed)
    found = bcx.validation.risk_holdout(
        operator.events,
        event="contract_cancelled",
        cut="2024-07-04",
        until="2024-12-31",
        t="30 days",
        period="10 days",
        by="segment",
        rules=risk_rules() | {"logistic regression": logistic, "boosted trees": boosted},
    )
    print(found)
    for check in found.checks:
        print(f"{check.name}: {check.value:g} ({check.target}), {check.status}")
    print(
        "\n| contacts | ranked by | found | 95% interval | model better by, points |\n|--:|:--|--:|:--|:--|"
    )
    for row in found.found.itertuples():
        off = (
            ""
            if row.rule == found.rules[0]
            else f"{100 * row.difference_low:+.0f} to {100 * row.difference_high:+.0f}"
        )
        print(f"| {row.contacts} | {row.rule} | {row.share:.0%} | {row.low:.0%} to {row.high:.0%} | {off} |")


if __name__ == "__main__":
    main()
