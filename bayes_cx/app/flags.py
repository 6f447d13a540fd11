"""The one place where settings become options of a command.

A command says in `takes` which settings it uses, as whole records or single keys; this makes the signature
that typer reads. The first parameter of a command is a `Given`, which holds the settings that the user gave;
its own parameters follow.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from datetime import date, datetime
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from bayes_cx.app.option import either
from bayes_cx.app.settings import GROUPS, SETTINGS, Setting, settings_in

if TYPE_CHECKING:
    from bayes_cx.app.settings import Settings

__all__ = ["OUT", "Debug", "Given", "takes"]

OUT = str(GROUPS["write"].__doc__).rstrip(".")
"""The heading for what a command writes."""

# The heading of each setting in the help is the sentence of its record.
_PANEL = {
    setting.key: str(record.__doc__).rstrip(".")
    for record in GROUPS.values()
    for setting in settings_in(record)
}
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_CONFIG = Parameter(
    "config",
    Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        Path | None,
        typer.Option(help="TOML file with any of these options; a flag wins over it.", metavar="FILE"),
    ],
)
_DEBUG = Parameter("debug", Parameter.KEYWORD_ONLY, default=False, annotation=Debug)


@dataclass(frozen=True)
class Given:
    """The settings that the user gave to a command.

    Attributes
    ----------
    command : str
    options : mapping
        Settings by key, and ``config``; None or an empty list if not given.
    """

    command: str
    options: Mapping[str, Any]

    def settings(self) -> "Settings":
        """Return the settings, checked, with those of the TOML file.

        Raises
        ------
        InputError
            If one of them cannot be used.
        """
        from bayes_cx.app.load import load

        return load(self.options)

    def check_apart(
        self, settings: "Settings", files: Iterable[Path] = (), writes: Iterable[Path | None] = ()
    ) -> None:
        """Refuse what the command writes where it is also read, as `files` or as the settings say.

        Raises
        ------
        InputError
            If an output is an input, or two outputs are the same file.
        """
        from bayes_cx.app.apart import check_apart

        several = settings.several
        offered = (*settings.offer.offers, *several.actions)
        trials = (offer.response.measured for offer in offered if offer.response is not None)
        own = settings.read.file, settings.read.key_file, settings.compute.by_date, *trials
        own = (*own, settings.read.contacts)
        own = (*own, settings.trial.purchases, settings.events.taxonomy)
        own = (*own, several.opt_outs, several.contact_log)
        read = (*files, *own, self.options.get("config"))
        check_apart(read, writes)

    def again(self, settings: "Settings", *files: Path) -> str:
        """Return the command that repeats this run with these files, into a folder called like the command.

        The folder of this run is not named, so that the same run gives the same bytes wherever it writes. If
        the TOML file names one, that is used.
        """
        from bayes_cx.app.load import load
        from bayes_cx.app.rerun import command

        config = self.options.get("config")
        kept = load({"config": config}).write
        more = []
        if self.options.get("timestamp") is None and kept.timestamp is None:
            more += ["--timestamp", settings.write.stamp().isoformat()]
        if kept.out is None or "out" not in self.options:
            more += ["--out", self.command]
        return command(self.command, self.options, *files, more=more)


def takes(*uses: type | str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command the options of the settings that it uses.

    Parameters
    ----------
    uses : type or str
        Records of settings, or keys of single ones.

    Returns
    -------
    callable
        A decorator of ``command(given: Given, its own parameters)``.
    """
    used = [s for use in uses for s in (settings_in(use) if isinstance(use, type) else (SETTINGS[use],))]
    by_position = [_parameter(setting) for setting in used if setting.option.argument]
    by_flag = [_parameter(setting) for setting in used if setting.option.flag and not setting.option.argument]
    shared = [*by_position, _CONFIG, *by_flag]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in signature(function).parameters.values()][1:]

        @wraps(function)
        def command(**said: Any) -> None:
            given = Given(function.__name__, {one.name: said[one.name] for one in shared})
            function(given, **{one.name: said[one.name] for one in own})

        parameters = [*own, *shared, _DEBUG]
        command.__signature__ = Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return decorate


def _parameter(setting: Setting) -> Parameter:
    """Return the parameter of a setting; its default means "not given", so that a TOML file can set it."""
    option, kind = setting.option, _plain(setting.type)
    shown: dict[str, Any] = {"help": _help(setting), "rich_help_panel": _PANEL[setting.key]}
    flag = f"--{setting.key.replace('_', '-')}"
    if option.argument:
        made = typer.Argument(help=shown["help"], metavar=option.metavar)
    elif kind is bool:
        made = typer.Option(f"{flag}/--no-{flag[2:]}" if setting.default else flag, **shown)
    elif kind is date:
        kind = datetime
        made = typer.Option(flag, formats=["%Y-%m-%d"], metavar=option.metavar or "DATE", **shown)
    else:
        kind = kind if kind in (int, float, Path) or get_origin(kind) is list else str
        made = typer.Option(flag, metavar=option.metavar, **shown)
    return Parameter(
        setting.key, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, made]
    )


def _plain(kind: Any) -> Any:
    """Return the type of a value that is given: without None, and a list for a tuple."""
    if get_origin(kind) is tuple:
        return list[get_args(kind)[0]]
    given = [one for one in get_args(kind) if one is not type(None)]
    return given[0] if type(None) in get_args(kind) else kind


def _help(setting: Setting) -> str:
    option, default = setting.option, setting.default
    text = option.help if isinstance(option.help, str) else option.help()
    if get_origin(setting.type) is Literal:
        text = f"{text}: {either(get_args(setting.type))}."
    if option.default or default in (None, False, (), "", MISSING):
        said = option.default
    elif default is True:
        said = "yes"
    else:
        said = f"{default:g}" if isinstance(default, float) else str(default)
    return f"{text} (default: {said})" if said else text
