"""What a program computes for which rows.

What depends on fewer columns than the whole is computed once for each of their distinct values: of BG/NBD
the gamma functions for every x, what an active customer does for every (x, T), and only what is left for
every (x, t_x, T).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from bayes_cx.kernels.program import Program

__all__ = ["Plan", "Stage", "lay_out"]

_COSTLY = {
    "exp", "expm1", "log", "log1p", "sqrt", "gammaln", "psi", "trigamma", "sigmoid", "softplus", "pow", "loop"
}  # fmt: skip


@dataclass(eq=False)
class Stage:
    """What is computed for every distinct combination of some columns.

    Attributes
    ----------
    columns : frozenset of str
    kept : dict of int to None
        Steps whose values later stages read.
    loads : dict of int to frozenset of str
        Steps that it reads, and the columns of the stages that keep them.
    once, each : list of int
        Steps that it runs once for a row, and for each draw of a row.
    """

    columns: frozenset[str]
    kept: dict[int, None] = field(default_factory=dict)
    loads: dict[int, frozenset[str]] = field(default_factory=dict)
    once: list[int] = field(default_factory=list)
    each: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Plan:
    """A program taken apart.

    Attributes
    ----------
    program : Program
    columns : tuple of str
        Inputs that differ between rows.
    drawn : tuple of str
        Inputs that differ between draws.
    cells : tuple of str
        Inputs that differ between patterns of rows, and draws.
    stages : list of Stage
        Each reads only those before it; the last one gives the outputs.
    depends : list of (frozenset of str, bool)
        On which columns each step depends, and whether on draws.
    """

    program: Program
    columns: tuple[str, ...]
    drawn: tuple[str, ...]
    cells: tuple[str, ...]
    stages: list[Stage]
    depends: list[tuple[frozenset[str], bool]]

    @property
    def varies(self) -> bool:
        """Whether anything differs between draws."""
        return bool(self.drawn or self.cells)

    @property
    def fixed(self) -> tuple[str, ...]:
        """Inputs that are one number."""
        others = {*self.columns, *self.drawn, *self.cells}
        return tuple(name for name in self.program.inputs if name not in others)


def lay_out(program: Program, columns: Iterable[str], drawn: Collection[str], cells: Collection[str]) -> Plan:
    """Take a program apart."""
    columns = tuple(columns)
    depends: list[tuple[frozenset[str], bool]] = []
    for step in program.steps:
        if step.name == "input":
            own = {"pattern"} if step.what in cells else {step.what} & set(columns)
            depends.append((frozenset(own), step.what in drawn or step.what in cells))
        else:
            of = [depends[i] for i in step.of]
            depends.append((frozenset().union(*(each for each, _ in of)), any(drawn for _, drawn in of)))
    whole = frozenset(columns)
    costly = {depends[i][0] for i, step in enumerate(program.steps) if step.name in _COSTLY}
    stages = {each: Stage(each) for each in {*costly, frozenset(), whole}}
    for stage in sorted(stages.values(), key=lambda stage: (-len(stage.columns), sorted(stage.columns))):
        wanted = [*(program.outputs if stage.columns == whole else ()), *stage.kept]
        _fill(stage, stages, program, depends, wanted)
    order = sorted(stages.values(), key=lambda stage: (len(stage.columns), sorted(stage.columns)))
    return Plan(
        program,
        columns,
        tuple(name for name in program.inputs if name in drawn),
        tuple(name for name in program.inputs if name in cells),
        [stage for stage in order if stage.columns == whole or stage.kept],
        depends,
    )


def _fill(
    stage: Stage,
    stages: dict[frozenset[str], Stage],
    program: Program,
    depends: list[tuple[frozenset[str], bool]],
    wanted: list[int],
) -> None:
    """Find the steps of a stage, and what it reads of others."""
    found: dict[int, None] = {}

    def visit(i: int) -> None:
        if i in found or i in stage.loads:
            return
        step = program.steps[i]
        if _is_kept_elsewhere(i, stage, stages, program, depends):
            stage.loads[i] = depends[i][0]
            stages[depends[i][0]].kept[i] = None
            return
        for j in step.of:
            visit(j)
        found[i] = None

    for i in wanted:
        visit(i)
    for i in found:
        if program.steps[i].name != "constant":
            (stage.each if depends[i][1] else stage.once).append(i)


def _is_kept_elsewhere(
    i: int,
    stage: Stage,
    stages: dict[frozenset[str], Stage],
    program: Program,
    depends: list[tuple[frozenset[str], bool]],
) -> bool:
    """Say whether a stage reads the value of a step; what is quickly computed again is computed again."""
    step, (columns, drawn) = program.steps[i], depends[i]
    # Of a loop the values that are taken of it are kept.
    if columns == stage.columns or columns not in stages or step.name in ("input", "constant", "loop"):
        return False
    if step.name in _COSTLY:
        return True
    of_inputs = all(program.steps[j].name in ("input", "constant") for j in step.of)
    return not of_inputs and (drawn or columns != frozenset())
