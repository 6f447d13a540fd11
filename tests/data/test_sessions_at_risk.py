"""Sessions as they go on, against a count by hand; chances after each event of a real shop come true."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx

CLICKS = Path(__file__).parents[3] / "shared" / "data" / "clickstream.csv.gz"


def test_rows_are_prefixes_counted_by_hand():
    rng = np.random.default_rng(4)
    n, start = 160, pd.Timestamp("2025-01-01")
    frame = pd.DataFrame({"visit": [f"v{i}" for i in rng.integers(0, 25, n)], "who": "a"})
    begin = frame["visit"].str[1:].astype(int) * 120
    frame["at"] = start + pd.to_timedelta(begin * 60 + rng.choice(2400, n, replace=False), unit="s")
    frame["what"] = rng.choice(["view", "cart", "buy"], n, p=[0.6, 0.3, 0.1])
    until = start + pd.Timedelta(minutes=24 * 120 + 20)
    events = bcx.read_events(frame, customer="who", time="at", event="what", session="visit")
    found = bcx.summarise_sessions(events, event="buy", until=until.isoformat())
    wanted, live = [], {}
    for visit, own in frame[frame["at"] <= until].sort_values("at").groupby("visit"):
        names, times = own["what"].tolist(), own["at"].tolist()
        cut = names.index("buy") if "buy" in names else len(names)
        closed = until - times[-1] > pd.Timedelta(minutes=30)
        if not closed and cut == len(names):
            live[visit] = (float(names.count("cart")), float(len(names)))
        if until - times[0] <= pd.Timedelta(minutes=30) or not (closed or cut < len(names)):
            continue
        for place in range(cut):
            seen = names[: place + 1]
            age = round((times[place] - times[0]).total_seconds() / 60, 6)
            row = (seen.count("cart"), seen.count("view"), place + 1, seen[-1], age)
            wanted.append((*row, "buy" if cut < len(names) else ""))
    names = ["cart so far", "view so far", "events so far", "last event", "age", "event"]
    table = found.to_dataframe().loc[lambda t: t.index.repeat(t["weight"])]
    table["age"] = table["age"].round(6)
    assert sorted(table[names].itertuples(index=False, name=None)) == sorted(wanted)
    now = bcx.live_sessions(events, found, until=until.isoformat()) if live else None
    seen = {} if now is None else now[["cart so far", "events so far"]].to_dataframe().T.to_dict("list")
    assert {visit: tuple(row) for visit, row in seen.items()} == live
    with pytest.raises(bcx.InputError, match="rows of sessions"):
        bcx.at_risk(events, found)


@pytest.mark.slow
@pytest.mark.skipif(not CLICKS.exists(), reason="the clickstream is not here")
def test_chances_after_each_event_say_more_than_one_for_all_on_later_sessions():
    frame = pd.read_csv(CLICKS)
    cut = "2024-05-15"
    columns = {"customer": "user_id", "time": "timestamp", "event": "event", "session": "session_id"}
    early, late = (
        bcx.read_events(part, **columns)
        for part in (frame[frame["timestamp"] < cut], frame[frame["timestamp"] >= cut])
    )
    posterior = bcx.fit(bcx.models.HAZARD, bcx.summarise_sessions(early, event="purchase"), seed=1)
    assert posterior.verdict == "passed"
    late = bcx.summarise_sessions(late, event="purchase", like=posterior)
    chance = bcx.score(posterior, late, "p_event")["mean"].to_numpy()
    happened, weight = late["happened"].to_numpy(), late["weight"].to_numpy()
    # Chances above a half were too high after the cut: what full baskets led to had changed.
    for low, high in ((0, 0.05), (0.05, 0.1), (0.1, 0.2)):
        some = (chance >= low) & (chance < high)
        assert np.average(happened[some], weights=weight[some]) == pytest.approx(
            np.average(chance[some], weights=weight[some]), abs=0.04
        )
    flat = np.average(happened, weights=weight)
    losses = [
        -np.average(np.log(np.where(happened == 1, p, 1 - p)), weights=weight)
        for p in (chance, np.full(chance.size, flat))
    ]
    assert losses[0] < 0.95 * losses[1]
