"""Visits of an operator's website and app, drawn from one event to the next, and where they lead."""

import numpy as np

from bayes_cx.data.operator_story import Chain

__all__ = ["p_order", "steps_of_visits", "transitions"]


def transitions(chain: Chain) -> tuple[np.ndarray, np.ndarray]:
    """Return the chances of the first event, shape (event,), and of the next, shape (event, event + 1).

    The last column is the end of the visit.
    """
    place = {name: position for position, name in enumerate(chain.events)}
    start = np.zeros(len(place))
    for name, p in chain.start.items():
        start[place[name]] = p
    matrix = np.zeros((len(place), len(place) + 1))
    for name, row in chain.steps.items():
        for following, p in row.items():
            matrix[place[name], place[following]] = p
    matrix[:, -1] = 1 - matrix.sum(axis=1)
    return start, matrix


def p_order(chain: Chain) -> dict[str, float]:
    """Return the chance that a visit ends with an order, from its ``start`` and after each event."""
    start, matrix = transitions(chain)
    inner, order = matrix[:-1, :-2], matrix[:-1, -2]
    reach = np.append(np.linalg.solve(np.eye(len(inner)) - inner, order), 1.0)
    return {"start": float(start @ reach), **dict(zip(chain.events, reach.tolist(), strict=True))}


def steps_of_visits(chain: Chain, n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return the events of `n` visits: the visit, the minutes since its first event, and the event.

    Returns
    -------
    visit : numpy.ndarray of int, shape (step,)
    minutes : numpy.ndarray of float, shape (step,)
    event : numpy.ndarray of int, shape (step,)
        Position in ``chain.events``.
    """
    start, matrix = transitions(chain)
    below, order = matrix.cumsum(axis=1), len(chain.events) - 1
    visit, minutes = np.arange(n), np.zeros(n)
    event = rng.choice(len(start), n, p=start)
    found = []
    while visit.size:
        found.append((visit, minutes, event))
        going = event != order
        visit, minutes, event = visit[going], minutes[going], event[going]
        event = (rng.random(event.size)[:, None] > below[event]).sum(axis=1)
        going = event < len(chain.events)
        visit, event = visit[going], event[going]
        minutes = minutes[going] + rng.lognormal(0.0, 0.8, event.size)
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    return tuple(columns)
