"""Settings of a run: from a TOML file and from flags, where a flag wins."""

import difflib
import os
import shlex
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bayes_cx.clock import UNITS, Span
from bayes_cx.errors import InputError
from bayes_cx.privacy import is_address, place

__all__ = ["OfferSettings", "Settings", "command", "load"]

Shape = tuple[float, float]
# A path in a TOML file is meant from where the file lies, one on the command line from where the user stands.
_PATHS = ("file", "out", "key_file")
# What a record says in place of a text that may hold secrets.
_HIDDEN = "…"


class OfferSettings(BaseModel):
    """One offer: its cost, and what it is believed to change as the two numbers of Beta distributions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    cost: float = Field(ge=0)
    win_back: Shape = (2, 18)
    keep: Shape = (2, 18)
    charged: Literal["contacted", "accepted"] = "contacted"

    @field_validator("win_back", "keep")
    @classmethod
    def _positive(cls, shape: Shape) -> Shape:
        if min(shape) <= 0:
            raise ValueError("both numbers of a Beta distribution are above 0")
        return shape


class Settings(BaseModel):
    """Everything a command can be told; a field is a key of the TOML file and, but for `offers`, a flag."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # What to read.
    file: str | None = None
    dataset: Literal["cdnow", "cdnow-sample", "donations", "cohorts"] | None = None
    query: str | None = None
    customer: str | None = None
    time: str | None = None
    amount: str | None = None
    start: str | None = None
    end: str | None = None
    by: tuple[str, ...] = ()
    time_format: str | None = None
    timezone: str = "UTC"
    returns: Literal["reject", "net", "ignore"] = "reject"
    zero_amounts: Literal["reject", "keep"] = "reject"
    pseudonymise: bool = False
    key_file: Path | None = None
    # What to compute.
    until: date | None = None
    unit: str = "week"
    horizon: str | None = None
    discount_rate: float = Field(0.10, ge=0)
    margin: float = Field(1.0, gt=0)
    worth: float | None = Field(None, gt=0)
    model: (
        Literal["auto", "bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd", "mbg_cnbd", "bg_bb", "sbg", "bdw"]
        | None
    ) = None
    method: Literal["auto", "nuts", "laplace"] = "auto"
    seed: int = Field(1, ge=0)
    draws: int = Field(1000, ge=100)
    holdout: bool = True
    holdout_from: date | None = None
    strict: bool = False
    # What could be done.
    offers: tuple[OfferSettings, ...] = ()
    cost: float | None = Field(None, ge=0)
    budget: float | None = Field(None, ge=0)
    capacity: int | None = Field(None, ge=0)
    # What to write.
    out: Path | None = None
    title: str | None = None
    organisation: str = ""
    currency: str = ""
    timestamp: datetime | None = None
    top: int = Field(100, ge=1)

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        if unit not in UNITS:
            raise ValueError(f"one of {', '.join(UNITS)}")
        return unit

    @field_validator("horizon", mode="before")
    @classmethod
    def _readable_horizon(cls, span: Any) -> str | None:
        if span is None:
            return None
        return str(Span.of(str(span)))

    @field_validator("by", mode="before")
    @classmethod
    def _one_or_many(cls, by: Any) -> Any:
        return (by,) if isinstance(by, str) else by

    def told(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults, for the record: no folder, key or address."""
        told = self.model_dump(mode="json", exclude_defaults=True, exclude={"out", "key_file", "timestamp"})
        if self.file is not None:
            told["file"] = place(self.file)
        if self.query is not None:
            told["query"] = _HIDDEN
        return told

    def stamp(self) -> datetime:
        """Return the time that the output carries: `timestamp`, else SOURCE_DATE_EPOCH, else now; in UTC."""
        if self.timestamp is not None:
            zoned = self.timestamp.tzinfo is not None
            return self.timestamp.astimezone(UTC) if zoned else self.timestamp.replace(tzinfo=UTC)
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is None:
            return datetime.now(UTC).replace(microsecond=0)
        try:
            return datetime.fromtimestamp(int(epoch), UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise InputError(
                f"SOURCE_DATE_EPOCH is {epoch!r}", "whole seconds since 1970", "correct or unset it"
            ) from error

    def key(self) -> str | None:
        """Return the key for pseudonyms, or None when ids are kept: `key_file`, else BAYES_CX_KEY.

        Raises
        ------
        InputError
            If pseudonyms are asked for without a key, or the key file cannot be read.
        """
        if not self.pseudonymise:
            return None
        if self.key_file is not None:
            try:
                return self.key_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(
                    f"the key file {self.key_file} cannot be read",
                    "a text file with the key",
                    "check --key-file",
                ) from error
        if key := os.environ.get("BAYES_CX_KEY", "").strip():
            return key
        raise InputError(
            "--pseudonymise came without a key",
            "a secret that makes the pseudonyms",
            "pass --key-file FILE or set BAYES_CX_KEY; `openssl rand -hex 32` makes one",
        )


def command(name: str, flags: Mapping[str, Any], *files: Path) -> str:
    """Write the command that does the same again, without the output, the folders of the input and secrets.

    A server is named by its kind and the text of a query is left out: either may hold a password.

    Examples
    --------
    >>> command("report", {"file": "/home/ada/sales.csv", "customer": "id", "strict": True, "out": "x"})
    'bayes-cx report sales.csv --customer id --strict'
    """
    words = ["bayes-cx", name, *map(place, files)]
    for key, value in flags.items():
        flag = f"--{key.replace('_', '-')}"
        if key in ("out", "key_file") or value in (None, (), []):
            continue
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif key == "file":
            words.append(place(value))
        elif key == "query":
            words += [flag, _HIDDEN]
        elif key == "config":
            inside = not Path(str(value)).is_absolute() and ".." not in Path(str(value)).parts
            words += [flag, str(value) if inside else Path(str(value)).name]
        else:
            many = value if isinstance(value, list | tuple) else [value]
            day = (one.date() if isinstance(one, datetime) else one for one in many)
            words += [word for one in day for word in (flag, str(one))]
    return " ".join(word if word == _HIDDEN else shlex.quote(word) for word in words)


def load(flags: Mapping[str, Any]) -> Settings:
    """Read the TOML file that `flags` names under `config`, if any; put the other flags over it; check all.

    Parameters
    ----------
    flags : mapping
        Options as the command line gives them; None and an empty sequence mean "not given".

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        If the file cannot be read, or a key is unknown or has a value that cannot be used: the key is named.
    """
    config = flags.get("config")
    values = {} if config is None else _read(Path(config))
    given = {key: value for key, value in flags.items() if key != "config" and value not in (None, (), [])}
    # Naming another source on the command line replaces the one of the file.
    if "file" in given or "dataset" in given:
        values = {key: value for key, value in values.items() if key not in ("file", "dataset")}
    # So does naming another price: it is about the one offer that the flags describe.
    if "cost" in given:
        values.pop("offers", None)
    values |= given
    if "file" in values and "dataset" in values:
        raise InputError("both file and dataset are given", "one source of transactions", "keep one of them")
    if values.get("start") is not None and values.get("time") is not None:
        raise InputError(
            "both start and time are given",
            "contracts (start and end) or transactions (time)",
            "keep one of them",
        )
    if values.get("worth") is not None and values.get("amount") is not None:
        raise InputError(
            "both worth and amount are given",
            "amounts, or what a purchase is worth without them",
            "keep one of them",
        )
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explain(error, config if config is not None else "the command line") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror})", "a TOML file with settings", "check --config"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not TOML ({error})", "lines such as unit = 'week'", "correct it"
        ) from error
    for key in _PATHS:
        if isinstance(values.get(key), str) and not is_address(values[key]):
            values[key] = str(path.parent / values[key])
    return values


def _explain(error: ValidationError, source: object) -> InputError:
    """Turn the first thing that pydantic found into one sentence that names the key."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = (OfferSettings if key.startswith("offers") else Settings).model_fields
        close = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.6)
        if close:
            return InputError(f"unknown key {key!r} in {source}", f"{close[0]!r} perhaps", "correct its name")
        return InputError(f"unknown key {key!r} in {source}", f"one of {', '.join(known)}", "remove it")
    if first["type"] == "missing":
        return InputError(f"{key} is missing in {source}", "a value for it", "add it")
    if isinstance(reason := first.get("ctx", {}).get("error"), InputError):
        return reason
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    flag = f"--{key.replace('_', '-')}"
    return InputError(
        f"{key} is {first['input']!r} in {source}", expected, f"correct the key {key} or pass {flag}"
    )
