"""The source of a kernel: one function that evaluates a program for rows x draws."""

from bayes_cx.kernels.program import Loop, Program, is_boolean
from bayes_cx.kernels.staging import Plan, Stage

__all__ = ["read_by", "write"]

# Loops and tables by the names that they get in the source.
type _Named = dict[Loop | tuple[float, ...], str]

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


def write(plan: Plan, *, summed: bool, by_pattern: frozenset[int] = frozenset()) -> str:
    """Return the source of ``kernel``.

    Its arguments are the number of draws, then for each stage its number of rows, its columns and its indices
    into the stages that it reads; then fixed, drawn and cell inputs; the weight of the rows if values are
    `summed` over them; and the outputs, of shape (row, draw), or (draw,) if summed, or (pattern, draw) for
    the outputs that are summed `by_pattern`.
    """
    loops: _Named = {}
    body: list[str] = []
    arguments = ["draws"]
    names = {stage.columns: f"{k}" for k, stage in enumerate(plan.stages)}
    for stage in plan.stages:
        k = names[stage.columns]
        if stage.columns:
            arguments += [f"n{k}", *(f"{name}_{k}" for name in sorted(stage.columns))]
            arguments += [f"at{k}_{names[s]}" for s in read_by(stage) if s]
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


def read_by(stage: Stage) -> list[frozenset[str]]:
    """Return the columns of the stages that a stage reads."""
    return sorted(set(stage.loads.values()), key=lambda s: (len(s), sorted(s)))


def _stage(
    plan: Plan,
    stage: Stage,
    names: dict[frozenset[str], str],
    loops: _Named,
    summed: bool,
    by_pattern: frozenset[int],
) -> list[str]:
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
    for source in read_by(stage):
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


def _text(program: Program, i: int, loops: _Named) -> str:
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


def _loops(loops: _Named) -> list[str]:
    """Return the sources of loops, inner ones first."""
    written: _Named = {}
    order: list[Loop | tuple[float, ...]] = []

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


def _loop(loop: Loop, loops: _Named) -> str:
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
