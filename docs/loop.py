"""A simulated shop in which true effects are known, in twelve monthly rounds: writes docs/loop.md.

Customers buy and leave by the story of BG/NBD. What an action does is said below in round numbers, and so is
what the shop assumes of it. Nothing here is fitted to the result; the seeds are 0 to 49, all of them.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

import bayes_cx as bcx
from bayes_cx.models import BG_NBD
from bayes_cx.spans import Span

HERE = Path(__file__).parent
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
SEEDS, ROUNDS, HISTORY, CUSTOMERS = 50, 12, 12, 3000
MONTH = 52 / 12
STORY = {"r": 0.6, "alpha": 4.0, "a": 0.8, "b": 2.5}
NOTHING, ACTIONS = "nothing", ("mail", "voucher", "call")
SEGMENTS = ("fresh", "slipping", "silent")
# Months since the last purchase at which a segment begins.
BEGINS = (0.0, 1.0, 4.0)
# What a purchase is worth, and what actions cost.
WORTH, COSTS = 30.0, {"mail": 0.10, "voucher": 2.00, "call": 5.00}
# The chance that somebody who would not buy this month does, because of the action, by segment.
EFFECTS = {"mail": (0.02, 0.05, 0.01), "voucher": (0.05, 0.12, 0.10), "call": (0.05, 0.30, 0.05)}
ASSUMED = bcx.Beta(2, 18)
# The share of the customers of the first round whose action is drawn at random, all alike.
FIRST = 0.2
MONTHS = pd.date_range("2025-01-01", periods=ROUNDS + 1, freq="MS")
RULES = ("the loop", "the assumption alone", "voucher for all", "random", "oracle")


@dataclass(frozen=True)
class Shop:
    """What its customers would do in each month if nobody did anything, and the months before.

    Attributes
    ----------
    buys : numpy.ndarray of bool, shape (month, customer)
        From month 0 of the rounds on.
    silence : numpy.ndarray, shape (customer,)
        Months since the last purchase when the rounds begin.
    """

    buys: np.ndarray
    silence: np.ndarray


def open_shop(rng: np.random.Generator) -> Shop:
    """Let customers join over a year, and live on for the rounds."""
    joined = rng.uniform(0, HISTORY, CUSTOMERS)
    left = (HISTORY + ROUNDS - joined) * MONTH
    made = BG_NBD.simulate(rng, T=left, **STORY)
    at = joined[made.customer] + made.time / MONTH
    last = joined.copy()
    before = at < HISTORY
    np.maximum.at(last, made.customer[before], at[before])
    month = np.floor(at - HISTORY).astype(np.int64)
    buys = np.zeros((ROUNDS, CUSTOMERS), bool)
    later = ~before & (month < ROUNDS)
    buys[month[later], made.customer[later]] = True
    return Shop(buys, HISTORY - last)


def segment_of(silence: np.ndarray) -> np.ndarray:
    """Return the number of the segment."""
    return np.searchsorted(BEGINS, silence, side="right") - 1


def gains(segment: np.ndarray, buys: np.ndarray) -> np.ndarray:
    """Return what each action truly gains with each customer, in expectation, shape (action, customer)."""
    effect = np.array([EFFECTS[name] for name in ACTIONS])[:, segment]
    cost = np.array([COSTS[name] for name in ACTIONS])[:, None]
    return np.concatenate([np.zeros((1, segment.size)), WORTH * effect * ~buys - cost])


type Rule = Callable[[int, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def run(shop: Shop, rule: Rule, rng: np.random.Generator, after: Callable | None = None) -> np.ndarray:
    """Return the true gain of a rule in each round.

    The rule sees the segments of a round, and returns the number of each customer's action with its
    probability; `after` is told what happened.
    """
    silence, found = shop.silence.copy(), np.empty(ROUNDS)
    own = np.arange(CUSTOMERS)
    for month in range(ROUNDS):
        segment = segment_of(silence)
        action, chance = rule(month, segment, rng)
        buys = shop.buys[month]
        effect = np.concatenate(
            [np.zeros((1, CUSTOMERS)), np.array([EFFECTS[n] for n in ACTIONS])[:, segment]]
        )
        bought = buys | (rng.random(CUSTOMERS) < effect[action, own])
        found[month] = gains(segment, buys)[action, own].sum()
        if after is not None:
            after(month, segment, action, chance, bought)
        silence = np.where(bought, 0.5, silence + 1.0)
    return found


def certain(action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return actions that were certain."""
    return action, np.ones(action.size)


def assumption(month: int, segment: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Do what is best if the assumption is right: it is the same of all actions, so the cheapest one."""
    gain = [WORTH * ASSUMED.mean - COSTS[name] for name in ACTIONS]
    return certain(np.full(segment.size, 1 + int(np.argmax(gain)) if max(gain) > 0 else 0))


def random(month: int, segment: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Do anything."""
    n = len(ACTIONS) + 1
    return rng.integers(0, n, segment.size), np.full(segment.size, 1 / n)


def oracle(month: int, segment: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Do what is truly best in the segment, on average over who would buy anyway."""
    return certain(_BEST[segment])


# Whom would buy anyway is not known; that 20, 5 and 1% of the segments do changes no best action.
_BEST = np.array(
    [
        int(np.argmax([0.0, *(WORTH * EFFECTS[name][s] * (1 - p) - COSTS[name] for name in ACTIONS)]))
        for s, p in enumerate((0.2, 0.05, 0.01))
    ]
)


class Loop:
    """The rule that learns: it begins with the assumption, and reads its own log after every round."""

    def __init__(self) -> None:
        self.learned: bcx.Learned | None = None
        self.log: list[pd.DataFrame] = []

    def __call__(
        self, month: int, segment: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Choose actions as `Learned.policy` says; at first, as the assumption does, with some at random."""
        n = len(ACTIONS) + 1
        if self.learned is None:
            chosen, _ = assumption(month, segment, rng)
            share = np.full((n, len(SEGMENTS)), FIRST / n)
            share[chosen[0]] += 1 - FIRST
        else:
            policy = self.learned.policy(worth=WORTH, costs=COSTS)
            order = policy.sel(action=[NOTHING, *ACTIONS]).reindex(group=list(SEGMENTS), fill_value=1 / n)
            share = order["propensity"].to_numpy()
        below = np.cumsum(share, axis=0)[:, segment]
        action = np.minimum((rng.random(segment.size) >= below).sum(axis=0), n - 1)
        return action, share[action, segment]

    def after(
        self, month: int, segment: np.ndarray, action: np.ndarray, chance: np.ndarray, bought: np.ndarray
    ) -> None:
        """Learn from the round."""
        rows = pd.DataFrame(
            {
                "customer": np.arange(segment.size),
                "time": MONTHS[month],
                "action": np.array([NOTHING, *ACTIONS], dtype=object)[action],
                "propensity": chance,
                "segment": np.array(SEGMENTS, dtype=object)[segment],
                "purchases": bought.astype(np.int64),
                "bought": bought.astype(np.int64),
            }
        )
        spent = np.array([0.0, *(COSTS[name] for name in ACTIONS)])[action]
        rows["gain"] = WORTH * rows["bought"] - spent
        self.log.append(rows)
        decided = bcx.FollowUp(rows, Span.of("28 days"), _after(month), 0, 0, 1.0, COSTS, "spend", "the shop")
        priors = dict.fromkeys(ACTIONS, ASSUMED)
        self.learned = bcx.learn(decided, by="segment", priors=priors, before=self.learned, seed=1)


def _after(month: int) -> datetime:
    return datetime(2025 + (month + 1) // 12, (month + 1) % 12 + 1, 1)


def shop(seed: int) -> tuple[dict[str, np.ndarray], Loop]:
    """Return the gain of each rule in each round of one shop, and the loop as it is in the end."""
    opened = open_shop(np.random.default_rng([seed, 0]))
    loop = Loop()
    found = {"the loop": run(opened, loop, np.random.default_rng([seed, 1]), loop.after)}
    everybody = 1 + ACTIONS.index("voucher")
    rules: Mapping[str, Rule] = {
        "the assumption alone": assumption,
        "voucher for all": lambda month, segment, rng: certain(np.full(segment.size, everybody)),
        "random": random,
        "oracle": oracle,
    }
    for i, (name, rule) in enumerate(rules.items(), 2):
        found[name] = run(opened, rule, np.random.default_rng([seed, i]))
    return found, loop


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return a mean over shops and its 95% interval."""
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(values.size)
    return float(mean), float(mean - 2.01 * error), float(mean + 2.01 * error)


def page(every: list[dict[str, np.ndarray]], loops: list[Loop]) -> str:
    """Return what came out, as Markdown."""
    gain = {name: np.array([one[name] for one in every]) for name in RULES}
    lines = [
        f"{len(every)} shops of {CUSTOMERS:,} customers, seeds 0 to {len(every) - 1}; gain of a month and "
        "customer, with 95% intervals of the mean over shops.",
        "",
        "| rule | year | first month | last month | of the oracle, year | last month |",
        "|---|---|---|---|---|---|",
    ]
    for name in RULES:
        cells = [gain[name].mean(axis=1), gain[name][:, 0], gain[name][:, -1]]
        row = [_cell(values / CUSTOMERS) for values in cells]
        year = gain[name].sum(axis=1) / gain["oracle"].sum(axis=1)
        last = gain[name][:, -1] / gain["oracle"][:, -1]
        lines.append(f"| {name} | {' | '.join(row)} | {_per_cent(year)} | {_per_cent(last)} |")
    more = gain["the loop"].sum(axis=1) - gain["the assumption alone"].sum(axis=1)
    mean, low, high = interval(more / CUSTOMERS)
    better = (more > 0).sum()
    lines += [
        "",
        f"The loop gains {mean:.2f} more a customer and year than the assumption alone (95%: {low:.2f} to "
        f"{high:.2f}), and more in {better} of {len(every)} shops.",
        "",
        "What the loop believes after the year, beside the truth: the chance that somebody buys because of "
        "the action, and the share of the 90% intervals that hold it.",
        "",
        "| action | segment | assumed | learned, mean over shops | true | intervals that hold it |",
        "|---|---|---|---|---|---|",
    ]
    shares = []
    for name in ACTIONS:
        for s, segment in enumerate(SEGMENTS):
            found = [loop.learned.effects.sel(action=name, group=segment) for loop in loops]  # pyright: ignore[reportOptionalMemberAccess]
            true = [_true(loop, name, s) for loop in loops]
            learned = np.mean([float(one["effect"]) for one in found])
            held = np.mean(
                [float(one["low"]) <= t <= float(one["high"]) for one, t in zip(found, true, strict=True)]
            )
            lines.append(
                f"| {name} | {segment} | {ASSUMED.mean:.3f} | {learned:.3f} | {np.mean(true):.3f} "
                f"| {held:.0%} |"
            )
            shares.append(held)
    lines += ["", f"Of all intervals, {np.mean(shares):.0%} hold the truth."]
    return "\n".join(lines)


def _true(loop: Loop, action: str, s: int) -> float:
    """Return the mean effect on those of the segment, of whom some would have bought anyway."""
    rows = pd.concat(loop.log)
    here = ((rows["segment"] == SEGMENTS[s]) & (rows["action"] == NOTHING)).to_numpy()
    weight, bought = 1 / rows["propensity"].to_numpy(float)[here], rows["bought"].to_numpy(float)[here]
    return EFFECTS[action][s] * (1 - float(bought @ weight / weight.sum()))


def _cell(values: np.ndarray) -> str:
    mean, low, high = interval(values)
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def _per_cent(values: np.ndarray) -> str:
    mean, low, high = interval(100 * values)
    return f"{mean:.0f}% ({low:.0f} to {high:.0f})"


def picture(every: list[dict[str, np.ndarray]], path: Path) -> None:
    """Draw the gain of each rule by month, with 95% intervals over shops."""
    mpl.use("agg")
    from bayes_cx.page.style import COLOURS, canvas, tint

    colours = dict(zip(RULES, ("blue", "orange", "red", "grey", "green"), strict=True))
    with canvas(3.4) as figure:
        axes = figure.add_axes((0.08, 0.14, 0.72, 0.8))
        months = np.arange(1, ROUNDS + 1)
        ends = []
        for name in RULES:
            values = np.array([one[name] for one in every]) / CUSTOMERS
            mean = values.mean(axis=0)
            error = 2.01 * values.std(axis=0, ddof=1) / np.sqrt(len(every))
            colour = COLOURS[colours[name]]
            axes.fill_between(months, mean - error, mean + error, color=tint(colour, 0.25), linewidth=0)
            axes.plot(months, mean, color=colour, linewidth=2.0 if name == "the loop" else 1.2)
            ends.append([float(mean[-1]), name, colour])
        least = 0.055 * np.ptp(axes.get_ylim())
        ends.sort(key=lambda end: end[0])
        for below, end in zip([None, *ends], ends, strict=False):
            if below is not None:
                end[0] = max(end[0], below[0] + least)
            axes.annotate(
                str(end[1]),
                (ROUNDS, end[0]),
                xytext=(6, 0),
                textcoords="offset points",
                color=end[2],
                va="center",
            )
        axes.set_xticks(months)
        axes.set_xlabel("Month")
        axes.set_ylabel("Gain of a customer and month")
        figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> None:
    """Run all shops and write the results into the page and the picture."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    every, loops = zip(*(shop(seed) for seed in range(number)), strict=True)
    text = page(list(every), list(loops))
    print(text)
    if number == SEEDS:
        file = HERE / "loop.md"
        before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
        picture(list(every), HERE / "images" / "loop.png")


if __name__ == "__main__":
    main()
