"""Instructions in LLVM's language: of the steps of a program, of loops, and of what both call.

A step becomes an instruction, or the call of a function, and is named by its position in the program. What
differs between draws, or else between rows, is computed for several at once, in vectors; a loop goes on until
the last of them has ended.
"""

import math
from typing import Any

from bayes_cx.kernels.arithmetic import FUNCTIONS
from bayes_cx.kernels.program import Loop, NotArithmetic, Program, booleans
from bayes_cx.kernels.vectors import (
    INTRINSIC,
    LIBRARY,
    SHIFT,
    inputs,
    intrinsic,
    kind,
    number,
    of_library,
    one_by_one,
    repeated,
)

__all__ = ["Module", "Values"]

_BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
_COMPARED = {"gt": "ogt", "lt": "olt", "ge": "oge", "le": "ole", "eq": "oeq", "neq": "une"}
_LOGICAL = {"and": "and", "or": "or"}


class Module:
    """What the functions of a module share: loops, tables of numbers and arithmetic, each written once."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self.tables: dict[tuple[float, ...], str] = {}
        self._names: dict[Any, str] = {}

    def table(self, values: tuple[float, ...]) -> str:
        """Return the name of a constant array."""
        if values not in self.tables:
            name = self._names[values] = f"@table{len(self.tables)}"
            numbers = ", ".join(f"double {number(value)}" for value in values)
            self.tables[values] = f"{name} = internal constant [{len(values)} x double] [{numbers}]"
        return self._names[values]

    def function(self, name: str, width: int) -> str:
        """Return the name of a function of `FUNCTIONS`, of one number or of a vector."""
        if (name, width) not in self._names:
            self._names[name, width] = f"@{name}{width}"
            program = FUNCTIONS[name]()
            given = {i: f"%{what}" for i, what in inputs(program)}
            values = Values(self, program, given, width=width, fused=True)
            body = [
                line for i, step in enumerate(program.steps) if step.name != "input" for line in values(i)
            ]
            real = kind(width)
            arguments = ", ".join(f"{real} %{each}" for each in program.inputs)
            head = f"define internal {real} @{name}{width}({arguments}) memory(none) nounwind {{"
            end = f"ret {real} {values.at(program.outputs[0])}"
            self.functions.append("\n".join([head, *body, end, "}"]))
        return self._names[name, width]

    def loop(self, loop: Loop, width: int) -> str:
        """Return the name of the function of a loop."""
        if (loop, width) not in self._names:
            name = self._names[loop, width] = f"@loop{len(self._names)}"
            self.functions.append(_loop(self, loop, name, width))
        return self._names[loop, width]


class Values:
    """Writes the steps of a program.

    Parameters
    ----------
    module : Module
    program : Program
    given : dict of int to str
        Operands of steps that are known already.
    suffix : str
        Of the names of all others.
    width : int
        Of the vectors of `drawn` steps.
    drawn : list of bool, optional
        Which steps are vectors; by default all.
    fused : bool
        Whether a product and a sum may be rounded once instead of twice.
    """

    def __init__(
        self,
        module: Module,
        program: Program,
        given: dict[int, str],
        suffix: str = "",
        *,
        width: int,
        drawn: list[bool] | None = None,
        fused: bool = False,
    ) -> None:
        self.module, self.program, self.given, self.suffix = module, program, given, suffix
        self.width = width
        self.drawn = [True] * len(program.steps) if drawn is None else drawn
        self.booleans = booleans(program)
        self.flags = "contract " if fused else ""
        self.repeated: dict[int, list[str]] = {}

    def at(self, i: int, *, drawn: bool = True) -> str:
        """Return the operand of a step, as a vector if `drawn`."""
        step, width = self.program.steps[i], self.width if drawn else 1
        if step.name == "constant":
            return self.constant(step.what, width)
        name = self.given.get(i, f"%v{i}{self.suffix}")
        if drawn and not self.drawn[i] and self.width > 1:
            of = "i1" if self.booleans[i] else "double"
            vector = f"{name}.all{self.suffix}"
            self.repeated[i] = repeated(vector, of, name, self.width)
            return vector
        return name

    def constant(self, value: float | bool, width: int) -> str:
        """Return a constant, repeated in a vector."""
        text = str(value).lower() if isinstance(value, bool) else number(value)
        return f"splat ({'i1' if isinstance(value, bool) else 'double'} {text})" if width > 1 else text

    def __call__(self, i: int) -> list[str]:
        """Return the instructions of a step."""
        step, it, drawn = self.program.steps[i], f"%v{i}{self.suffix}", self.drawn[i]
        name, width = step.name, self.width if drawn else 1
        real, whole, truth = (kind(width, of) for of in ("double", "i64", "i1"))

        def constant(value: float) -> str:
            return self.constant(value, width)

        def bits(value: int) -> str:
            return f"splat (i64 {value})" if width > 1 else str(value)

        if name in ("constant", "input"):
            return []
        if name in ("take", "met"):
            loop = self.program.steps[step.of[0]].what
            position = step.what if name == "take" else loop.states
            return [
                f"{it} = extractvalue {_state(loop, width)} {self.at(step.of[0], drawn=drawn)}, {position}"
            ]
        of = [self.at(j, drawn=drawn) for j in step.of]
        given = ", ".join(f"{real} {each}" for each in of)
        if name in _BINARY:
            return [f"{it} = {_BINARY[name]} {self.flags}{real} {of[0]}, {of[1]}"]
        if name in _COMPARED:
            return [f"{it} = fcmp {_COMPARED[name]} {real} {of[0]}, {of[1]}"]
        if name in _LOGICAL:
            return [f"{it} = {_LOGICAL[name]} {truth} {of[0]}, {of[1]}"]
        if name in FUNCTIONS:
            return [f"{it} = call {real} {self.module.function(name, width)}({given})"]
        if name in INTRINSIC:
            return [f"{it} = {intrinsic(name, of[0], width)}"]
        if name in LIBRARY:
            return one_by_one(it, of, width, lambda out, one: [f"{out} = {of_library(name, one)}"])
        match name:
            case "neg":
                return [f"{it} = fneg {real} {of[0]}"]
            case "sqr":
                return [f"{it} = fmul {real} {of[0]}, {of[0]}"]
            case "reciprocal":
                return [f"{it} = fdiv {real} {constant(1.0)}, {of[0]}"]
            case "not":
                return [f"{it} = xor {truth} {of[0]}, {self.constant(True, width)}"]
            case "isnan":
                return [f"{it} = fcmp uno {real} {of[0]}, {constant(0.0)}"]
            case "isinf":
                size = f"{it}.size = {intrinsic('abs', of[0], width)}"
                return [size, f"{it} = fcmp oeq {real} {it}.size, {constant(math.inf)}"]
            case "number":
                return [f"{it} = uitofp {truth} {of[0]} to {real}"]
            case "switch":
                own = truth if self.booleans[i] else real
                return [f"{it} = select {truth} {of[0]}, {own} {of[1]}, {own} {of[2]}"]
            case "loop":
                return [
                    f"{it} = call {_state(step.what, width)} {self.module.loop(step.what, width)}({given})"
                ]
            case "table":
                return one_by_one(it, of, width, lambda out, one: self._element(out, one[0], step.what))
            case "two_to":  # a whole number, as the exponent of a double
                return [
                    f"{it}.sum = fadd {real} {of[0]}, {constant(SHIFT + 1023)}",
                    f"{it}.bits = bitcast {real} {it}.sum to {whole}",
                    f"{it}.high = shl {whole} {it}.bits, {bits(52)}",
                    f"{it} = bitcast {whole} {it}.high to {real}",
                ]
            case "exponent":  # of a positive number that is not subnormal
                return [
                    f"{it}.bits = bitcast {real} {of[0]} to {whole}",
                    f"{it}.low = lshr {whole} {it}.bits, {bits(52)}",
                    f"{it}.whole = or {whole} {it}.low, {bits(0x433 << 52)}",
                    f"{it}.sum = bitcast {whole} {it}.whole to {real}",
                    f"{it} = fsub {real} {it}.sum, {constant(SHIFT + 1023)}",
                ]
            case "mantissa":  # of the same, from 1 to 2
                return [
                    f"{it}.bits = bitcast {real} {of[0]} to {whole}",
                    f"{it}.low = and {whole} {it}.bits, {bits(2**52 - 1)}",
                    f"{it}.one = or {whole} {it}.low, {bits(0x3FF << 52)}",
                    f"{it} = bitcast {whole} {it}.one to {real}",
                ]
        raise NotArithmetic(f"a kernel has no operation {name}")

    def _element(self, out: str, index: str, table: tuple[float, ...]) -> list[str]:
        return [
            f"{out}.i = fptosi double {index} to i64",
            f"{out}.p = getelementptr double, ptr {self.module.table(table)}, i64 {out}.i",
            f"{out} = load double, ptr {out}.p",
        ]


def _state(loop: Loop, width: int) -> str:
    return "{ " + ", ".join([*[kind(width)] * loop.states, kind(width, "i1")]) + " }"


def _loop(module: Module, loop: Loop, name: str, width: int) -> str:
    """Return the function of a loop: of the number of steps, the first state and what does not change.

    Of vectors each element goes on until it has ended, and the loop until all have.
    """
    program = loop.inner
    values = Values(module, program, {i: f"%{what}" for i, what in inputs(program)}, width=width)
    moves: list[bool] = []
    for step in program.steps:
        moves.append(step.what.startswith("s") if step.name == "input" else any(moves[j] for j in step.of))
    used = _used(program)
    found = [values.at(i) for i in program.outputs]
    real, truth = kind(width), kind(width, "i1")
    yes, one = values.constant(True, width), values.constant(1.0, width)
    met = found[-1] if loop.until else yes
    names = program.inputs[: loop.states]
    arguments = [f"{real} %steps", *(f"{real} %first{i}" for i in range(loop.states))]
    arguments += [f"{real} %{each}" for each in program.inputs[loop.states :]]
    state = _state(loop, width)
    any_more = (
        f"call i1 @llvm.vector.reduce.or.v{width}i1({truth} %more)" if width > 1 else "and i1 %more, true"
    )
    lines = [
        f"define internal {state} {name}({', '.join(arguments)}) memory(none) nounwind {{",
        "entry:",
        *(line for i in used if not moves[i] for line in values(i)),
        "br label %head",
        "head:",
        *(
            f"%{each} = phi {real} [ %first{i}, %entry ], [ %{each}.next, %body ]"
            for i, each in enumerate(names)
        ),
        f"%done = phi {real} [ {values.constant(0.0, width)}, %entry ], [ %next, %body ]",
        f"%met = phi {truth} [ {yes}, %entry ], [ %met.next, %body ]",
        f"%on = phi {truth} [ {yes}, %entry ], [ %on.next, %body ]",
        f"%next = fadd {real} %done, {one}",
        f"%left = fcmp ole {real} %next, %steps",
        f"%more = and {truth} %on, %left",
        f"%any = {any_more}",
        "br i1 %any, label %body, label %end",
        "body:",
        *(line for i in used if moves[i] for line in values(i)),
        *(
            f"%{each}.next = select {truth} %more, {real} {found[i]}, {real} %{each}"
            for i, each in enumerate(names)
        ),
        f"%met.next = select {truth} %more, {truth} {met}, {truth} %met",
        *(
            [f"%unmet = xor {truth} {met}, {yes}", f"%on.next = and {truth} %more, %unmet"]
            if loop.until
            else [f"%on.next = and {truth} %more, {yes}"]
        ),
        "br label %head",
        "end:",
    ]
    last = "poison"
    for i, each in enumerate((*names, "met")):
        lines.append(f"%end{i} = insertvalue {state} {last}, {truth if each == 'met' else real} %{each}, {i}")
        last = f"%end{i}"
    return "\n".join([*lines, f"ret {state} {last}", "}"])


def _used(program: Program) -> list[int]:
    """Return the steps that the outputs need, without inputs."""
    needed: set[int] = set()
    left = list(program.outputs)
    while left:
        i = left.pop()
        if i not in needed:
            needed.add(i)
            left += program.steps[i].of
    return [i for i in sorted(needed) if program.steps[i].name != "input"]
