"""The assembly of a kernel, in LLVM's language: one function that evaluates a plan for rows x draws.

A step becomes an instruction, or the call of a function, and is named by its position in the program. What
differs between draws is computed for several draws at once, in vectors; a loop goes on until the last of them
has ended.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bayes_cx.kernels.arithmetic import FUNCTIONS
from bayes_cx.kernels.program import Loop, Program, booleans
from bayes_cx.kernels.staging import Plan, Stage

__all__ = ["WIDTH", "read_by", "signature", "write"]

WIDTH = 8
"""How many draws are computed at once; the number of draws of a call is a multiple of it."""

_BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
_COMPARED = {"gt": "ogt", "lt": "olt", "ge": "oge", "le": "ole", "eq": "oeq", "neq": "une"}
_LOGICAL = {"and": "and", "or": "or"}
# Of the C library, which has them for one number at a time.
_LIBRARY = {"gammaln": ("lgamma", 1), "tan": ("tan", 1), "pow": ("pow", 2)}
_INTRINSIC = {"abs": "fabs", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "sqrt": "sqrt"}
_SHIFT = 2.0**52  # added to a whole number, this leaves it in the last bits of the double
_DECLARED = [
    *(
        f"declare double @{name}({', '.join(['double'] * arguments)}) memory(none) nounwind"
        for name, arguments in _LIBRARY.values()
    ),
    *(
        f"declare {kind} @llvm.{name}.{suffix}({kind})"
        for name in _INTRINSIC.values()
        for kind, suffix in (("double", "f64"), (f"<{WIDTH} x double>", f"v{WIDTH}f64"))
    ),
    f"declare i1 @llvm.vector.reduce.or.v{WIDTH}i1(<{WIDTH} x i1>)",
]


def write(plan: Plan, *, summed: bool, by_pattern: frozenset[int] = frozenset()) -> str:
    """Return the module of a kernel.

    Its function is called ``kernel`` and takes the arguments that `signature` names.
    """
    module = _Module()
    body: list[str] = []
    before = "entry"
    for k in range(len(plan.stages)):
        body += _stage(module, plan, k, before, summed, by_pattern)
        before = f"done{k}"
    arguments = ", ".join(f"{kind} %{name}" for kind, name in signature(plan, summed=summed))
    kernel = [f"define void @kernel({arguments}) {{", "entry:", *body, "ret void", "}"]
    return "\n".join([*_DECLARED, *module.tables.values(), *module.functions, *kernel])


def signature(plan: Plan, *, summed: bool) -> list[tuple[str, str]]:
    """Return the types and names of the arguments of a kernel.

    They are the number of draws; for each stage its number of rows, its columns, its indices into the stages
    that it reads and room for what it keeps, of shape (row, draw) or (row,); then fixed, drawn and cell
    inputs; the weight of the rows if values are `summed` over them; and the outputs, of shape (row, draw), or
    (draw,) if summed, or (pattern, draw) for those that are summed by pattern.
    """
    array = "ptr noalias"
    found = [("i64", "draws")]
    names = {stage.columns: k for k, stage in enumerate(plan.stages)}
    for k, stage in enumerate(plan.stages):
        found.append(("i64", f"n{k}"))
        found += [(array, f"{name}_{k}") for name in sorted(stage.columns)]
        found += [(array, f"at{k}_{names[each]}") for each in read_by(stage) if each]
        found += [(array, f"kept{i}_{k}") for i in stage.kept]
    found += [("double", name) for name in plan.fixed]
    found += [(array, name) for name in (*plan.drawn, *plan.cells, *(["weight"] if summed else []))]
    return [*found, *((array, f"out{o}") for o in range(len(plan.program.outputs)))]


def read_by(stage: Stage) -> list[frozenset[str]]:
    """Return the columns of the stages that a stage reads."""
    return sorted(set(stage.loads.values()), key=lambda s: (len(s), sorted(s)))


class _Module:
    """What the functions of a module share: loops, tables of numbers and arithmetic, each written once."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self.tables: dict[tuple[float, ...], str] = {}
        self._names: dict[Any, str] = {}

    def table(self, values: tuple[float, ...]) -> str:
        """Return the name of a constant array."""
        if values not in self.tables:
            name = self._names[values] = f"@table{len(self.tables)}"
            numbers = ", ".join(f"double {_number(value)}" for value in values)
            self.tables[values] = f"{name} = internal constant [{len(values)} x double] [{numbers}]"
        return self._names[values]

    def function(self, name: str, width: int) -> str:
        """Return the name of a function of `FUNCTIONS`, of one number or of a vector."""
        if (name, width) not in self._names:
            self._names[name, width] = f"@{name}{width}"
            program = FUNCTIONS[name]()
            given = {i: f"%{what}" for i, what in _inputs(program)}
            values = _Values(self, program, given, width=width, fused=True)
            body = [line for i, step in enumerate(program.steps) if step.name != "input" for line in values(i)]
            kind = _kind(width)
            arguments = ", ".join(f"{kind} %{each}" for each in program.inputs)
            head = f"define internal {kind} @{name}{width}({arguments}) memory(none) nounwind {{"
            end = f"ret {kind} {values.at(program.outputs[0])}"
            self.functions.append("\n".join([head, *body, end, "}"]))
        return self._names[name, width]

    def loop(self, loop: Loop, width: int) -> str:
        """Return the name of the function of a loop."""
        if (loop, width) not in self._names:
            name = self._names[loop, width] = f"@loop{len(self._names)}"
            self.functions.append(_loop(self, loop, name, width))
        return self._names[loop, width]


def _kind(width: int, of: str = "double") -> str:
    return f"<{width} x {of}>" if width > 1 else of


def _number(value: float) -> str:
    """Return a constant to the last bit."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def _inputs(program: Program) -> Iterator[tuple[int, str]]:
    return ((i, step.what) for i, step in enumerate(program.steps) if step.name == "input")


def _state(loop: Loop, width: int) -> str:
    return "{ " + ", ".join([*[_kind(width)] * loop.states, _kind(width, "i1")]) + " }"


class _Values:
    """Writes the steps of a program.

    Parameters
    ----------
    module : _Module
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
        module: _Module,
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
            kind = "i1" if self.booleans[i] else "double"
            vector = f"{name}.all{self.suffix}"
            self.repeated[i] = _repeated(vector, kind, name, self.width)
            return vector
        return name

    def constant(self, value: float | bool, width: int) -> str:
        """Return a constant, repeated in a vector."""
        text = str(value).lower() if isinstance(value, bool) else _number(value)
        return f"splat ({'i1' if isinstance(value, bool) else 'double'} {text})" if width > 1 else text

    def __call__(self, i: int) -> list[str]:
        """Return the instructions of a step."""
        step, it, drawn = self.program.steps[i], f"%v{i}{self.suffix}", self.drawn[i]
        name, width = step.name, self.width if drawn else 1
        real, whole, truth = (_kind(width, of) for of in ("double", "i64", "i1"))

        def number(value: float) -> str:
            return self.constant(value, width)

        def bits(value: int) -> str:
            return f"splat (i64 {value})" if width > 1 else str(value)

        if name in ("constant", "input"):
            return []
        if name in ("take", "met"):
            loop = self.program.steps[step.of[0]].what
            position = step.what if name == "take" else loop.states
            return [f"{it} = extractvalue {_state(loop, width)} {self.at(step.of[0], drawn=drawn)}, {position}"]
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
        if name in _INTRINSIC:
            return [f"{it} = {_intrinsic(name, of[0], width)}"]
        if name in _LIBRARY:
            return _one_by_one(it, of, width, lambda out, one: [f"{out} = {_of_library(name, one)}"])
        match name:
            case "neg":
                return [f"{it} = fneg {real} {of[0]}"]
            case "sqr":
                return [f"{it} = fmul {real} {of[0]}, {of[0]}"]
            case "reciprocal":
                return [f"{it} = fdiv {real} {number(1.0)}, {of[0]}"]
            case "not":
                return [f"{it} = xor {truth} {of[0]}, {self.constant(True, width)}"]
            case "isnan":
                return [f"{it} = fcmp uno {real} {of[0]}, {number(0.0)}"]
            case "isinf":
                size = f"{it}.size = {_intrinsic('abs', of[0], width)}"
                return [size, f"{it} = fcmp oeq {real} {it}.size, {number(math.inf)}"]
            case "number":
                return [f"{it} = uitofp {truth} {of[0]} to {real}"]
            case "switch":
                kind = truth if self.booleans[i] else real
                return [f"{it} = select {truth} {of[0]}, {kind} {of[1]}, {kind} {of[2]}"]
            case "loop":
                return [f"{it} = call {_state(step.what, width)} {self.module.loop(step.what, width)}({given})"]
            case "table":
                return _one_by_one(it, of, width, lambda out, one: self._element(out, one[0], step.what))
            case "two_to":  # a whole number, as the exponent of a double
                return [
                    f"{it}.sum = fadd {real} {of[0]}, {number(_SHIFT + 1023)}",
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
                    f"{it} = fsub {real} {it}.sum, {number(_SHIFT + 1023)}",
                ]
            case "mantissa":  # of the same, from 1 to 2
                return [
                    f"{it}.bits = bitcast {real} {of[0]} to {whole}",
                    f"{it}.low = and {whole} {it}.bits, {bits(2**52 - 1)}",
                    f"{it}.one = or {whole} {it}.low, {bits(0x3FF << 52)}",
                    f"{it} = bitcast {whole} {it}.one to {real}",
                ]
        raise NotImplementedError(f"a kernel has no operation {name}")

    def _element(self, out: str, index: str, table: tuple[float, ...]) -> list[str]:
        return [
            f"{out}.i = fptosi double {index} to i64",
            f"{out}.p = getelementptr double, ptr {self.module.table(table)}, i64 {out}.i",
            f"{out} = load double, ptr {out}.p",
        ]


def _intrinsic(name: str, of: str, width: int) -> str:
    kind, suffix = _kind(width), f"v{width}f64" if width > 1 else "f64"
    return f"call {kind} @llvm.{_INTRINSIC[name]}.{suffix}({kind} {of})"


def _of_library(name: str, of: Sequence[str]) -> str:
    return f"call double @{_LIBRARY[name][0]}({', '.join(f'double {each}' for each in of)})"


def _one_by_one(
    it: str, of: Sequence[str], width: int, make: Callable[[str, Sequence[str]], list[str]]
) -> list[str]:
    """Return what makes a vector of numbers that are computed one after the other."""
    if width == 1:
        return make(it, of)
    lines, vector = [], "poison"
    for lane in range(width):
        own = [f"{it}.of{position}.{lane}" for position in range(len(of))]
        lines += [
            f"{name} = extractelement {_kind(width)} {each}, i64 {lane}"
            for name, each in zip(own, of, strict=True)
        ]
        lines += make(f"{it}.one{lane}", own)
        name = it if lane == width - 1 else f"{it}.to{lane}"
        lines.append(f"{name} = insertelement {_kind(width)} {vector}, double {it}.one{lane}, i64 {lane}")
        vector = name
    return lines


def _repeated(name: str, kind: str, value: str, width: int) -> list[str]:
    """Return the instructions that fill a vector with one value."""
    vector = _kind(width, kind)
    return [
        f"{name}.first = insertelement {vector} poison, {kind} {value}, i64 0",
        f"{name} = shufflevector {vector} {name}.first, {vector} poison, <{width} x i32> zeroinitializer",
    ]


def _loop(module: _Module, loop: Loop, name: str, width: int) -> str:
    """Return the function of a loop: of the number of steps, the first state and what does not change.

    Of vectors each element goes on until it has ended, and the loop until all have.
    """
    program = loop.inner
    values = _Values(module, program, {i: f"%{what}" for i, what in _inputs(program)}, width=width)
    moves: list[bool] = []
    for step in program.steps:
        moves.append(step.what.startswith("s") if step.name == "input" else any(moves[j] for j in step.of))
    used = _used(program)
    found = [values.at(i) for i in program.outputs]
    real, truth = _kind(width), _kind(width, "i1")
    yes, one = values.constant(True, width), values.constant(1.0, width)
    met = found[-1] if loop.until else yes
    names = program.inputs[: loop.states]
    arguments = [f"{real} %steps", *(f"{real} %first{i}" for i in range(loop.states))]
    arguments += [f"{real} %{each}" for each in program.inputs[loop.states :]]
    state = _state(loop, width)
    any_more = f"call i1 @llvm.vector.reduce.or.v{width}i1({truth} %more)" if width > 1 else "and i1 %more, true"
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


def _stage(
    module: _Module, plan: Plan, k: int, before: str, summed: bool, by_pattern: frozenset[int]
) -> list[str]:
    """Return the loops over the rows of a stage and, within, over draws."""
    program, stage = plan.program, plan.stages[k]
    names = {each.columns: position for position, each in enumerate(plan.stages)}
    drawn = [each for _, each in plan.depends]
    fixed = {i: f"%{what}" for i, what in _inputs(program) if what in plan.fixed}
    values = _Values(module, program, fixed, f"_{k}", width=WIDTH, drawn=drawn)
    at = _Addresses(k)
    once: list[str] = [f"%row{k} = mul i64 %i{k}, %draws"]
    for name in sorted(stage.columns):
        if name != "pattern":
            once += at.load(f"%{name}.{k}", "double", f"%{name}_{k}", f"%i{k}")
            continue
        once += at.load(f"%pattern.{k}", "i64", f"%pattern_{k}", f"%i{k}")
        once.append(f"%pattern{k} = mul i64 %pattern.{k}, %draws")
    for source in read_by(stage):
        if source:
            own = f"{k}_{names[source]}"
            once += at.load(f"%i{own}", "i64", f"%at{own}", f"%i{k}")
            once.append(f"%row{own} = mul i64 %i{own}, %draws")
    each: list[str] = []
    lines = {False: once, True: each}
    for i, source in stage.loads.items():
        own, name, width = f"{k}_{names[source]}", f"%v{i}_{k}", WIDTH if drawn[i] else 1
        row = ((f"%row{own}" if drawn[i] else f"%i{own}"),) if source else ("0",)
        number = f"{name}.number" if values.booleans[i] else name
        kept = f"%kept{i}_{names[source]}"
        lines[drawn[i]] += at.load(number, _kind(width), kept, *row, *([f"%j{k}"] if drawn[i] else []))
        if values.booleans[i]:
            none = values.constant(0.0, width)
            lines[drawn[i]].append(f"{name} = fcmp une {_kind(width)} {number}, {none}")

    def text(i: int) -> list[str]:
        step = program.steps[i]
        if step.name == "input" and step.what in plan.cells:
            return at.load(f"%v{i}_{k}", _kind(WIDTH), f"%{step.what}", f"%pattern{k}", f"%j{k}")
        if step.name == "input" and step.what in plan.drawn:
            return at.load(f"%v{i}_{k}", _kind(WIDTH), f"%{step.what}", f"%j{k}")
        if step.name == "input" and step.what in plan.columns:
            values.given[i] = f"%{step.what}.{k}"
        return values(i)

    def number(i: int, as_drawn: bool) -> str:
        if not values.booleans[i]:
            return values.at(i, drawn=as_drawn)
        width, name = WIDTH if as_drawn else 1, f"%number{i}_{k}_{len(lines[as_drawn])}"
        truth = f"{_kind(width, 'i1')} {values.at(i, drawn=as_drawn)}"
        lines[as_drawn].append(f"{name} = uitofp {truth} to {_kind(width)}")
        return name

    once += [line for i in stage.once for line in text(i)]
    each += [line for i in stage.each for line in text(i)]
    for i in stage.kept:
        place = (f"%row{k}", f"%j{k}") if drawn[i] else (f"%i{k}",)
        value = number(i, drawn[i])
        lines[drawn[i]] += at.store(value, _kind(WIDTH if drawn[i] else 1), f"%kept{i}_{k}", *place)
    if stage is plan.stages[-1]:
        vector = _kind(WIDTH)
        if summed:
            once += at.load(f"%weight.{k}", "double", "%weight", f"%i{k}")
            once += _repeated(f"%weight.{k}.all", "double", f"%weight.{k}", WIDTH)
        for o, i in enumerate(program.outputs):
            value = number(i, True)
            if not summed:
                each += at.store(value, vector, f"%out{o}", f"%row{k}", f"%j{k}")
                continue
            place = (f"%pattern{k}", f"%j{k}") if o in by_pattern else (f"%j{k}",)
            each += at.load(f"%sum{o}", vector, f"%out{o}", *place)
            each.append(f"%weighed{o} = fmul {vector} %weight.{k}.all, {value}")
            each.append(f"%total{o} = fadd {vector} %sum{o}, %weighed{o}")
            each += at.store(f"%total{o}", vector, f"%out{o}", *place)
    once += [line for repeated in values.repeated.values() for line in repeated]
    if each:
        inside, last = [*once, *_count(f"draws{k}", f"%j{k}", "%draws", f"rows{k}.body", WIDTH, each)], f"draws{k}.end"
    else:
        inside, last = once, f"rows{k}.body"
    return _count(f"rows{k}", f"%i{k}", f"%n{k}", before, 1, inside, last, f"done{k}")


def _count(
    label: str, index: str, size: str, before: str, by: int, body: Sequence[str], last: str = "", end: str = ""
) -> list[str]:
    """Return a loop from zero to a size; `last` is the block in which its body ends, `end` what follows."""
    last, end = last or f"{label}.body", end or f"{label}.end"
    return [
        f"br label %{label}",
        f"{label}:",
        f"{index} = phi i64 [ 0, %{before} ], [ {index}.next, %{last} ]",
        f"{index}.on = icmp slt i64 {index}, {size}",
        f"br i1 {index}.on, label %{label}.body, label %{end}",
        f"{label}.body:",
        *body,
        f"{index}.next = add nsw i64 {index}, {by}",
        f"br label %{label}",
        f"{end}:",
    ]


class _Addresses:
    """Loads and stores of elements of arrays, at the sum of the parts of their place."""

    def __init__(self, k: int) -> None:
        self.k, self.number = k, 0

    def _at(self, array: str, place: Sequence[str]) -> tuple[list[str], str]:
        name = f"%p{self.k}_{self.number}"
        self.number += 1
        index, lines = place[0], []
        if len(place) > 1:
            index = f"{name}.i"
            lines.append(f"{index} = add nsw i64 {place[0]}, {place[1]}")
        return [*lines, f"{name} = getelementptr inbounds i64, ptr {array}, i64 {index}"], name

    def load(self, name: str, kind: str, array: str, *place: str) -> list[str]:
        """Return the instructions that give an element, or a vector of them, a name."""
        lines, address = self._at(array, place)
        return [*lines, f"{name} = load {kind}, ptr {address}, align 8"]

    def store(self, value: str, kind: str, array: str, *place: str) -> list[str]:
        """Return the instructions that set an element, or a vector of them."""
        lines, address = self._at(array, place)
        return [*lines, f"store {kind} {value}, ptr {address}, align 8"]
