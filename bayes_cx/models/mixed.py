"""Models in which one more thing differs between customers: mixtures over a latent of each customer."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytensor.tensor as pt
from pytensor.gradient import zero_grad

from bayes_cx.model import Formula, Model, Param, Quantity, arguments
from bayes_cx.models.combine import Combined, at, call, combined

__all__ = ["mixed"]

_INNER = 64  # values that a formula with an integral in it holds at each node
_TINY = 1e-300  # a chance that is zero to the last digit keeps a logarithm


def mixed(
    model: Model,
    over: str,
    by: Callable[..., tuple[Any, Any]],
    params: Mapping[str, Param],
    nodes: int = 32,
    **changes: Any,
) -> Model:
    r"""Return the model in which a parameter differs between customers.

    With nodes :math:`k_j` of weights :math:`w_j` the likelihood of a customer is
    :math:`\sum_j w_j L(k_j)`. A quantity is its mean over what is believed of the customer's own k:

    ===================================  ======================================
    quantity                             weight of a node
    ===================================  ======================================
    of a new customer, ``..._new``       :math:`w_j`
    ``..._if_active`` and the like       :math:`w_j L(k_j) P(active | k_j)`
    ``..._if_won_back``                  :math:`w_j L(k_j) (1 - P(active | k_j))`
    all others                           :math:`w_j L(k_j)`
    ===================================  ======================================

    Times at which a chance passes one half are no means: ``silence_limit`` and what else has ``never`` is
    left out.

    Parameters
    ----------
    model : Model
        Its formulas hold given the latent, which is one of its parameters.
    over : str
        The parameter that becomes a latent of each customer.
    by : callable
        ``by(nodes, ...) -> (values, log weights)``, both with one more, last, axis of length `nodes`, of
        statistics and parameters by their names. The weights are those of an integral over the density of the
        latent among customers; the nodes may lie where the belief about each customer does. Of a new
        customer all statistics are zero.
    params : mapping of str to Param
        What the density of the latent needs, by the names of `by`.
    nodes : int
        Number of nodes.
    **changes
        Fields of the new model: its name, key, priors, words and simulators.

    Returns
    -------
    Model
        Its formulas take the arguments of those of `model` without the latent, and `params`.
    """
    log_lik, p_alive = model.log_lik, model.quantities["p_alive"].formula
    log_active = combined(lambda given: pt.log(pt.maximum(call(p_alive, given), _TINY)), p_alive)
    log_gone = combined(lambda given: pt.log(pt.maximum(1.0 - call(p_alive, given), _TINY)), p_alive)
    latent = Combined(arguments(by)[1:], lambda given: by(nodes, **given))
    latent_new = at(latent, **dict.fromkeys(model.statistics, 0.0))

    def over_nodes(reduce: Callable[..., Any], latent: Formula, value: Formula, *logs: Formula) -> Formula:
        """Return the formula ``reduce(values at the nodes, logarithms of their weights)``."""

        def body(given: Mapping[str, Any]) -> Any:
            own, log_weight = call(latent, given)
            inner = {name: pt.expand_dims(pt.as_tensor(each), -1) for name, each in given.items()}
            inner[over] = own
            for log in logs:
                log_weight = log_weight + call(log, inner)
            return reduce(call(value, inner), log_weight)

        needed = combined(body, value, *logs, latent)
        names = tuple(name for name in needed.names if name != over)
        return replace(needed, names=names, inner=_INNER * nodes)

    def believed(name: str, quantity: Quantity) -> Formula:
        if name.endswith("_new"):
            free = over not in arguments(quantity.formula)
            return quantity.formula if free else over_nodes(_mean, latent_new, quantity.formula)
        logs = [log_lik]
        if quantity.if_active:
            logs.append(log_active)
        if name.endswith("_if_won_back"):
            logs.append(log_gone)
        return over_nodes(_mean, latent, quantity.formula, *logs)

    return replace(
        model,
        params={**{name: param for name, param in model.params.items() if name != over}, **params},
        log_lik=over_nodes(_log_sum, latent, log_lik),
        quantities={
            name: replace(quantity, formula=believed(name, quantity))
            for name, quantity in model.quantities.items()
            if not quantity.never
        },
        **changes,
    )


def _relative(log_weight: Any) -> tuple[Any, Any]:
    """Return the largest log weight, with an axis of one node, and all weights relative to it."""
    top = zero_grad(pt.max(log_weight, axis=-1, keepdims=True))
    return top, pt.exp(log_weight - top)


def _log_sum(value: Any, log_weight: Any) -> Any:
    top, weight = _relative(log_weight + value)
    return pt.squeeze(top, -1) + pt.log(weight.sum(axis=-1))


def _mean(value: Any, log_weight: Any) -> Any:
    _, weight = _relative(log_weight)
    return (weight * value).sum(axis=-1) / weight.sum(axis=-1)
