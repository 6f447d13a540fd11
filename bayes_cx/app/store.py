"""The files that sub-commands pass to each other."""

from pathlib import Path
from typing import TYPE_CHECKING

from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path, write_csv
from bayes_cx.kinds import KINDS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = [
    "STATISTICS",
    "TABLE",
    "check_ending",
    "holds_statistics",
    "read_statistics",
    "write_statistics",
    "write_table",
]

STATISTICS = (".nc", ".parquet")
TABLE = (".csv", ".parquet")


def write_statistics(stats: "xr.Dataset", path: Path) -> None:
    """Write statistics to netCDF (``.nc``) or Parquet (``.parquet``), with all their attributes."""
    kind = check_ending(path, *STATISTICS)
    with atomic_path(path) as part:
        if kind == ".nc":
            stats.to_netcdf(part, engine="h5netcdf")
        else:
            frame = stats.to_dataframe()
            # pandas keeps these in the metadata of the file.
            frame.attrs = dict(stats.attrs)
            frame.to_parquet(part)


def read_statistics(path: Path) -> "xr.Dataset":
    """Read what `write_statistics` wrote.

    Raises
    ------
    InputError
        If the file is not there or holds no statistics.
    """
    import pandas as pd
    import xarray as xr

    kind = path.suffix.lower()
    if kind not in STATISTICS:
        raise InputError(
            f"the statistics {path}",
            f"a file that ends in {' or '.join(STATISTICS)}, which keeps their kind and unit",
            "write them with `bayes-cx summarise`",
        )
    try:
        if kind == ".nc":
            with xr.open_dataset(path, engine="h5netcdf") as opened:
                stats = opened.load()
        else:
            frame = pd.read_parquet(path)
            stats = frame.to_xarray().assign_attrs(frame.attrs)
    except FileNotFoundError:
        raise InputError(f"no file {path}", "statistics written by `summarise`", "check the path") from None
    except (OSError, ValueError) as error:
        raise _no_statistics(path) from error
    if not stats.sizes.keys() & {"customer", "row"} or stats.attrs.get("kind") not in KINDS:
        raise _no_statistics(path)
    return stats.drop_vars("row", errors="ignore")


def holds_statistics(path: Path) -> bool:
    """Return whether a file is for `read_statistics`: netCDF, or Parquet that says what its rows are."""
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return path.suffix.lower() == ".nc"
    import pandas as pd

    try:
        return pd.read_parquet(path, columns=[]).attrs.get("kind") in KINDS
    except Exception:  # whatever cannot be read holds none, and whoever reads it as something else says why
        return False


def write_table(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table to CSV or Parquet, by the ending of `path`."""
    if check_ending(path, *TABLE) == ".csv":
        write_csv(frame, path)
        return
    with atomic_path(path) as part:
        frame.to_parquet(part, index=False)


def check_ending(path: Path, *endings: str) -> str:
    """Return the ending of `path` if it is one of `endings`; called first, so that no work is lost."""
    if path.suffix.lower() not in endings:
        raise InputError(
            f"the file {path}", f"a name that ends in {' or '.join(endings)}", "change the ending"
        )
    return path.suffix.lower()


def _no_statistics(path: Path) -> InputError:
    return InputError(f"{path} holds no statistics", "a file written by `summarise`", "write it again")
