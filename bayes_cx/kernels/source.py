"""The source of a kernel: one function that evaluates a program for rows x draws.

What depends on fewer columns than the whole is computed once for each of their distinct values: of BG/NBD
the gamma functions for every x, what an active customer does for every (x, T), and only what is left for
every (x, t_x, T).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bayes_cx.kernels.program import Loop, Program, is_boolean

__all__ = ["Plan", "Stage", "lay_out", "write"]

_COSTLY = {
    "exp", "expm1", "log", "log1p", "sqrt", "gammaln", "psi", "trigamma", "sigmoid", "softplus", "pow", "loop"
}  # fmt: skip
_INFIX = {
    "add": "+", "mul": "*", "sub": "-", "truediv": "/", "gt": ">", "lt": "<", "ge": ">=", "le": "<=",
    "eq": "==", "neq": "!=", "and": "and", "or": "or",
}  # fmt: skip
_CALLS = {
    "abs": "math.fabs({})", "exp": "math.exp({})", "expm1": "math.expm1({})", "log": "math.log({})",
    "log1p": "math.log1p({})", "sqrt": "math.sqrt({})", "ceil": "np.ceil({})", "floor": "np.floor({})",
    "trunc": "np.trunc({})", "gammaln": "math.lgamma({})", "isnan": "math.isnan({})",
    "isinf": "math.isinf({})", "neg": "-{}", "sqr": "{0} * {0}", "reciprocal": "1.0 / {}", "pow": "{} ** {}",
    "not": "not {}", "number": "(1.0 if {} else 0.0)", "switch": "({1} if {0} else {2})",
    "sign": "sign({})", "psi": "psi({})", "trigamma": "trigamma({})", "sigmoid": "sigmoid({})",
    "softplus": "softplus({})", "maximum": "maximum({}, {})", "minimum": "minimum({}, {})",
    "clip": "minimum(maximum({}, {}), {})",
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
        Steps that it reads, and the stages that keep them.
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
    """

    program: Program
    columns: tuple[str, ...]
    drawn: tuple[str, ...]
    cells: tuple[str, ...]
    stages: list[Stage]
    depends: list[tuple[frozenset[str], bool]]

    @property
    def fixed(self) -> tuple[str, ...]:
        """Inputs that are one number."""
        others = {*self.columns, *self.drawn, *self.cells}
        return tuple(name for name in self.program.inputs if name not in others)


def lay_out(program: Program, columns: Iterable[str], drawn: Iterable[str], cells: Iterable[str]) -> Plan:
    """Take a program apart."""
    columns, drawn, cells = tuple(columns), frozenset(drawn), frozenset(cells)
    depends: list[tuple[frozenset[str], bool]] = []
    for step in program.steps:
        if step.name == "input":
            own = {"pattern"} if step.what in cells else {step.what} & set(columns)
            depends.append((frozenset(own), step.what in drawn or step.what in cells))
        else:
            depends.append(
                (
                    frozenset().union(*(depends[i][0] for i in step.of)),
                    any(depends[i][1] for i in step.of),
                )
            )
    whole = frozenset(columns)
    costly = {depends[i][0] for i, step in enumerate(program.steps) if step.name in _COSTLY}
    stages = {each: Stage(each) for each in {*costly, frozenset(), whole}}
    for stage in sorted(stages.values(), key=lambda stage: (-len(stage.columns), sorted(stage.columns))):
        wanted = [*(program.outputs if stage.columns == whole else ()), *stage.kept]
        _fill(program, depends, stages, stage, wanted)
    order = sorted(stages.values(), key=lambda stage: (len(stage.columns), sorted(stage.columns)))
    plan = Plan(program, columns, (), (), [s for s in order if s.columns == whole or s.kept], depends)
    plan.drawn = tuple(name for name in program.inputs if name in drawn)
    plan.cells = tuple(name for name in program.inputs if name in cells)
    return plan


def _fill(program, depends, stages, stage: Stage, wanted: list[int]) -> None:
    """Find the steps of a stage, and what it reads of others."""
    found: dict[int, None] = {}

    def visit(i: int) -> None:
        if i in found or i in stage.loads:
            return
        step = program.steps[i]
        if _is_kept_elsewhere(program, depends, stages, stage, i):
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


def _is_kept_elsewhere(program, depends, stages, stage: Stage, i: int) -> bool:
    """Say whether a stage reads the value of a step; what is quickly computed again is computed again."""
    step, (columns, drawn) = program.steps[i], depends[i]
    # Of a loop the values that are taken of it are kept.
    if columns == stage.columns or columns not in stages or step.name in ("input", "constant", "loop"):
        return False
    if step.name in _COSTLY:
        return True
    of_inputs = all(program.steps[j].name in ("input", "constant") for j in step.of)
    return not of_inputs and (drawn or columns != frozenset())


def write(plan: Plan, *, summed: bool, by_pattern: frozenset[int] = frozenset()) -> str:
    """Return the source of ``kernel``.

    Its arguments are the number of draws, then for each stage its number of rows, its columns and its indices
    into the stages that it reads; then fixed, drawn and cell inputs; the weight of the rows if values are
    `summed` over them; and the outputs, of shape (row, draw), or (draw,) if summed, or (pattern, draw) for
    the outputs that are summed `by_pattern`.
    """
    loops: dict[Loop, str] = {}
    body: list[str] = []
    arguments = ["draws"]
    names = {stage.columns: f"{k}" for k, stage in enumerate(plan.stages)}
    for stage in plan.stages:
        k = names[stage.columns]
        if stage.columns:
            arguments += [f"n{k}", *(f"{name}_{k}" for name in sorted(stage.columns))]
            arguments += [f"at{k}_{names[s]}" for s in _read_by(stage) if s]
    arguments += [*plan.fixed, *plan.drawn, *plan.cells]
    for stage in plan.stages:
        body += _stage(plan, stage, names, loops, summed, by_pattern)
    arguments += [*(["weight"] if summed else []), *(f"out{j}" for j in range(len(plan.program.outputs)))]
    defined = "\n\n".join(text for text in _loops(loops))
    lines = "\n".join(f"    {line}" for line in body)
    return f"{_HEAD}\n\n{defined}\n\n@compile\ndef kernel({', '.join(arguments)}):\n{lines}\n"


_HEAD = """import math

import numpy as np
from numba import njit

from bayes_cx.kernels.arithmetic import maximum, minimum, psi, sigmoid, sign, softplus, trigamma

compile = njit(error_model="numpy", nogil=True, cache=CACHE)"""


def _read_by(stage: Stage) -> list[frozenset[str]]:
    return sorted(set(stage.loads.values()), key=lambda s: (len(s), sorted(s)))


def _stage(plan: Plan, stage: Stage, names, loops: dict[Loop, str], summed: bool, by_pattern) -> list[str]:
    program, k = plan.program, names[stage.columns]
    last = stage is plan.stages[-1]
    per_draw = [i for i in stage.kept if plan.depends[i][1]]
    per_row = [i for i in stage.kept if not plan.depends[i][1]]
    rows = f"n{k}" if stage.columns else "1"
    lines = [f"v{i}_{k} = np.empty(({rows}, draws))" for i in per_draw]
    lines += [f"v{i}_{k} = np.empty({rows})" for i in per_row]
    once, each = [], []
    for name in sorted(stage.columns):
        once.append(f"{name} = {name}_{k}[i]")
    for source in _read_by(stage):
        if source:
            once.append(f"i{names[source]} = at{k}_{names[source]}[i]")
    for i, source in stage.loads.items():
        index = f"i{names[source]}" if source else "0"
        if plan.depends[i][1]:
            each.append(f"v{i} = v{i}_{names[source]}[{index}, j]")
        else:
            once.append(f"v{i} = v{i}_{names[source]}[{index}]")

    def text(i: int) -> str:
        step = program.steps[i]
        if step.name == "input":
            if step.what in plan.cells:
                return f"v{i} = {step.what}[pattern, j]"
            return f"v{i} = {step.what}[j]" if step.what in plan.drawn else f"v{i} = {step.what}"
        return _text(program, i, loops)

    once += [text(i) for i in stage.once]
    each += [text(i) for i in stage.each]
    each += [f"v{i}_{k}[i, j] = {_name(program, i)}" for i in per_draw]
    once_after = [f"v{i}_{k}[i] = {_name(program, i)}" for i in per_row]
    if last:
        for o, i in enumerate(program.outputs):
            value = _name(program, i)
            value = f"(1.0 if {value} else 0.0)" if is_boolean(program, i) else value
            place = "pattern, j" if o in by_pattern else "j"
            each.append(f"out{o}[{place}] += weight[i] * {value}" if summed else f"out{o}[i, j] = {value}")
    lines.append(f"for i in range({rows}):")
    lines += [f"    {line}" for line in (*once, *once_after)]
    if each:
        lines.append("    for j in range(draws):")
        lines += [f"        {line}" for line in each]
    return lines


def _name(program: Program, i: int) -> str:
    step = program.steps[i]
    if step.name != "constant":
        return f"v{i}"
    value = step.what
    if isinstance(value, bool):
        return repr(value)
    if value != value:
        return "np.nan"
    if value in (float("inf"), float("-inf")):
        return "np.inf" if value > 0 else "(-np.inf)"
    return repr(value) if value >= 0 else f"({value!r})"


def _text(program: Program, i: int, loops: dict[Loop, str]) -> str:
    step = program.steps[i]
    of = [_name(program, j) for j in step.of]
    if step.name == "loop":
        name = loops.setdefault(step.what, f"loop{len(loops)}")
        return f"v{i} = {name}({', '.join(of)})"
    if step.name == "take":
        return f"v{i} = {of[0]}[{step.what}]"
    if step.name == "met":
        return f"v{i} = {of[0]}[-1]"
    if step.name == "table":
        # A number among the loops' names: tables are written with them.
        name = loops.setdefault(step.what, f"table{len(loops)}")
        return f"v{i} = {name}[int({of[0]})]"
    if step.name in _INFIX:
        return f"v{i} = {of[0]} {_INFIX[step.name]} {of[1]}"
    return f"v{i} = {_CALLS[step.name].format(*of)}"


def _loops(loops: dict[Loop, str]) -> list[str]:
    """Return the sources of loops, inner ones first."""
    written: dict[Loop, str] = {}
    order: list[Loop] = []

    def visit(loop: Loop | tuple[float, ...]) -> None:
        if loop in written:
            return
        if isinstance(loop, tuple):
            written[loop] = f"{loops[loop]} = np.array({loop!r})"
            order.append(loop)
            return
        written[loop] = ""
        text = _loop(loop, loops)
        for step in loop.inner.steps:
            if step.name in ("loop", "table"):
                visit(step.what)
        written[loop] = text
        order.append(loop)

    for loop in list(loops):
        visit(loop)
    return [written[loop] for loop in order]


def _loop(loop: Loop, loops: dict[Loop, str]) -> str:
    program, name = loop.inner, loops[loop]
    moves: list[bool] = []
    for step in program.steps:
        moves.append(step.what.startswith("s") if step.name == "input" else any(moves[j] for j in step.of))
    needed: dict[int, None] = {}

    def visit(i: int) -> None:
        if i not in needed:
            for j in program.steps[i].of:
                visit(j)
            needed[i] = None

    for i in program.outputs:
        visit(i)

    def text(i: int) -> str:
        step = program.steps[i]
        return f"v{i} = {step.what}" if step.name == "input" else _text(program, i, loops)

    used = [i for i in sorted(needed) if program.steps[i].name != "constant"]
    lines = [text(i) for i in used if not moves[i]]
    lines += ["met = True", "for _ in range(int(steps)):"]
    lines += [f"    {text(i)}" for i in used if moves[i]]
    states = [f"s{i}" for i in range(loop.states)]
    values = [_name(program, i) for i in program.outputs]
    lines.append(f"    {', '.join(states)}, = {', '.join(values[: loop.states])},")
    if loop.until:
        lines += [f"    met = {values[-1]}", "    if met:", "        break"]
    lines.append(f"return {', '.join(states)}, met")
    body = "\n".join(f"    {line}" for line in lines)
    return f"@compile\ndef {name}(steps, {', '.join(program.inputs)}):\n{body}\n"
