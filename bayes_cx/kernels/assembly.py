"""The assembly of a kernel: one function that evaluates a plan for rows x draws.

For each stage there is a loop over its rows. Where something differs between draws, there is one over draws
inside, several at once; else several rows are computed at once.
"""

from collections.abc import Sequence

from bayes_cx.kernels.instructions import Module, Values
from bayes_cx.kernels.staging import Plan, Stage
from bayes_cx.kernels.vectors import DECLARED, WIDTH, inputs, kind, one_by_one, repeated

__all__ = ["read_by", "signature", "write"]


def write(plan: Plan, *, summed: bool, by_pattern: frozenset[int] = frozenset()) -> str:
    """Return the module of a kernel.

    Its function is called ``kernel`` and takes the arguments that `signature` names.
    """
    module = Module()
    body: list[str] = []
    before = "entry"
    for k in range(len(plan.stages)):
        nest = _Nest(module, plan, k)
        body += nest.of_draws(before, summed, by_pattern) if plan.varies else nest.of_rows(before, summed)
        before = f"done{k}"
    arguments = ", ".join(f"{of} %{name}" for of, name in signature(plan, summed=summed))
    kernel = [f"define void @kernel({arguments}) {{", "entry:", *body, "ret void", "}"]
    return "\n".join([*DECLARED, *module.tables.values(), *module.functions, *kernel])


def signature(plan: Plan, *, summed: bool) -> list[tuple[str, str]]:
    """Return the types and names of the arguments of a kernel.

    They are the number of draws; for each stage its number of rows, its columns, its indices into the stages
    that it reads and room for what it keeps, of shape (row, draw) or (row,); then fixed, drawn and cell
    inputs; the weight of the rows if values are `summed` over them; and the outputs, of shape (row, draw), or
    (draw,) if summed, or (pattern, draw) for those that are summed by pattern. Where nothing differs between
    draws the outputs have the shape (row,) or, if summed, ``(WIDTH,)``, to be summed.
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


class _Nest:
    """The loops of one stage.

    Attributes
    ----------
    lines : dict of bool to list of str
        What is computed as a number and what as a vector.
    """

    def __init__(self, module: Module, plan: Plan, k: int) -> None:
        self.plan, self.k, self.stage = plan, k, plan.stages[k]
        self.names = {each.columns: position for position, each in enumerate(plan.stages)}
        # Which steps are vectors.
        self.vector = [drawn if plan.varies else bool(columns) for columns, drawn in plan.depends]
        known = {i: f"%{what}" for i, what in inputs(plan.program) if what in plan.fixed}
        known |= {i: f"%{what}.{k}" for i, what in inputs(plan.program) if what in plan.columns}
        self.values = Values(module, plan.program, known, f"_{k}", width=WIDTH, drawn=self.vector)
        self.at = _Addresses(k)
        self.lines: dict[bool, list[str]] = {False: [], True: []}

    @property
    def is_last(self) -> bool:
        """Whether the stage gives the outputs."""
        return self.k == len(self.plan.stages) - 1

    def of_draws(self, before: str, summed: bool, by_pattern: frozenset[int]) -> list[str]:
        """Return a loop over rows and, within, over vectors of draws."""
        k, at, lines, plan = self.k, self.at, self.lines, self.plan
        lines[False].append(f"%row{k} = mul i64 %i{k}, %draws")
        for name in sorted(self.stage.columns):
            of = "i64" if name == "pattern" else "double"
            lines[False] += at.load(f"%{name}.{k}", of, f"%{name}_{k}", f"%i{k}")
        if "pattern" in self.stage.columns:
            lines[False].append(f"%pattern{k} = mul i64 %pattern.{k}, %draws")
        for source in filter(None, read_by(self.stage)):
            own = f"{k}_{self.names[source]}"
            lines[False] += at.load(f"%i{own}", "i64", f"%at{own}", f"%i{k}")
            lines[False].append(f"%row{own} = mul i64 %i{own}, %draws")
        for i, source in self.stage.loads.items():
            own, drawn = f"{k}_{self.names[source]}", self.vector[i]
            row = (f"%row{own}" if drawn else f"%i{own}") if source else "0"
            place = (row, f"%j{k}") if drawn else (row,)
            kept = f"%kept{i}_{self.names[source]}"
            lines[drawn] += at.load(self._loaded(i), kind(WIDTH if drawn else 1), kept, *place)
            lines[drawn] += self._as_boolean(i)
        for i in (*self.stage.once, *self.stage.each):
            step = plan.program.steps[i]
            of = step.what if step.name == "input" else None
            if of in plan.cells:
                lines[True] += at.load(f"%v{i}_{k}", kind(WIDTH), f"%{of}", f"%pattern{k}", f"%j{k}")
            elif of in plan.drawn:
                lines[True] += at.load(f"%v{i}_{k}", kind(WIDTH), f"%{of}", f"%j{k}")
            else:
                lines[self.vector[i]] += self.values(i)
        for i in self.stage.kept:
            drawn = self.vector[i]
            place = (f"%row{k}", f"%j{k}") if drawn else (f"%i{k}",)
            value = self._as_number(i, drawn=drawn)
            lines[drawn] += at.store(value, kind(WIDTH if drawn else 1), f"%kept{i}_{k}", *place)
        if self.is_last and summed:
            lines[False] += at.load(f"%weight.{k}", "double", "%weight", f"%i{k}")
            lines[False] += repeated(f"%weight.{k}.all", "double", f"%weight.{k}", WIDTH)
        for o, i in enumerate(plan.program.outputs if self.is_last else ()):
            if not summed:
                lines[True] += at.store(self._as_number(i), kind(WIDTH), f"%out{o}", f"%row{k}", f"%j{k}")
                continue
            value = self._as_number(i)
            lines[True].append(f"%weighed{o} = fmul {kind(WIDTH)} %weight.{k}.all, {value}")
            self._add(o, *((f"%pattern{k}", f"%j{k}") if o in by_pattern else (f"%j{k}",)))
        body, last = [*lines[False], *self._repeated()], f"rows{k}.body"
        if lines[True]:
            body += _count(f"draws{k}", f"%j{k}", "%draws", last, WIDTH, lines[True])
            last = f"draws{k}.end"
        return _count(f"rows{k}", f"%i{k}", f"%n{k}", before, 1, body, last, f"done{k}")

    def of_rows(self, before: str, summed: bool) -> list[str]:
        """Return a loop over vectors of rows, where all draws are alike."""
        k, at, lines, plan = self.k, self.at, self.lines, self.plan
        for name in sorted(self.stage.columns):
            lines[True] += at.load(f"%{name}.{k}", kind(WIDTH), f"%{name}_{k}", f"%i{k}")
        for source in filter(None, read_by(self.stage)):
            own = f"{k}_{self.names[source]}"
            lines[True] += at.load(f"%i{own}", kind(WIDTH, "i64"), f"%at{own}", f"%i{k}")
        for i, source in self.stage.loads.items():
            name, kept = self._loaded(i), f"%kept{i}_{self.names[source]}"
            if source:
                lines[True] += at.gather(name, kept, f"%i{k}_{self.names[source]}")
            else:
                lines[False] += at.load(name, "double", kept, "0")
            lines[bool(source)] += self._as_boolean(i)
        for i in self.stage.once:
            lines[self.vector[i]] += self.values(i)
        own = bool(self.stage.columns)
        for i in self.stage.kept:
            value = self._as_number(i, drawn=own)
            place = f"%i{k}" if own else "0"
            lines[own] += at.store(value, kind(WIDTH if own else 1), f"%kept{i}_{k}", place)
        if self.is_last and summed:
            lines[True] += at.load(f"%weight.{k}", kind(WIDTH), "%weight", f"%i{k}")
            none = self.values.constant(0.0, WIDTH)
            lines[True].append(f"%counts = fcmp one {kind(WIDTH)} %weight.{k}, {none}")
        for o, i in enumerate(plan.program.outputs if self.is_last else ()):
            value = self._as_number(i)
            if not summed:
                lines[True] += at.store(value, kind(WIDTH), f"%out{o}", f"%i{k}")
                continue
            # A row that only fills a vector counts for nothing, even if it is infinite.
            real, none = kind(WIDTH), self.values.constant(0.0, WIDTH)
            lines[True].append(f"%all{o} = fmul {real} %weight.{k}, {value}")
            lines[True].append(
                f"%weighed{o} = select {kind(WIDTH, 'i1')} %counts, {real} %all{o}, {real} {none}"
            )
            self._add(o, "0")
        body = [*lines[False], *self._repeated(), *lines[True]]
        if not own and not self.is_last:
            return [*body, f"br label %done{k}", f"done{k}:"]
        return _count(f"rows{k}", f"%i{k}", f"%n{k}", before, WIDTH, body, f"rows{k}.body", f"done{k}")

    def _repeated(self) -> list[str]:
        """Return the instructions of the vectors that repeat one number."""
        return [line for lines in self.values.repeated.values() for line in lines]

    def _loaded(self, i: int) -> str:
        """Return the name of what was kept of a step: truth is kept as one and zero."""
        return f"%v{i}_{self.k}.number" if self.values.booleans[i] else f"%v{i}_{self.k}"

    def _as_boolean(self, i: int) -> list[str]:
        if not self.values.booleans[i]:
            return []
        width = WIDTH if self.vector[i] else 1
        none = self.values.constant(0.0, width)
        return [f"%v{i}_{self.k} = fcmp une {kind(width)} {self._loaded(i)}, {none}"]

    def _as_number(self, i: int, *, drawn: bool = True) -> str:
        """Return the operand of a step, as a number where it is true or false."""
        value = self.values.at(i, drawn=drawn)
        if not self.values.booleans[i]:
            return value
        width, name = WIDTH if drawn else 1, f"%number{i}_{self.k}_{len(self.lines[drawn])}"
        self.lines[drawn].append(f"{name} = uitofp {kind(width, 'i1')} {value} to {kind(width)}")
        return name

    def _add(self, o: int, *place: str) -> None:
        """Add what an output is weighed to its sum."""
        self.lines[True] += self.at.load(f"%sum{o}", kind(WIDTH), f"%out{o}", *place)
        self.lines[True].append(f"%total{o} = fadd {kind(WIDTH)} %sum{o}, %weighed{o}")
        self.lines[True] += self.at.store(f"%total{o}", kind(WIDTH), f"%out{o}", *place)


def _count(
    label: str,
    index: str,
    size: str,
    before: str,
    by: int,
    body: Sequence[str],
    last: str = "",
    end: str = "",
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

    def load(self, name: str, of: str, array: str, *place: str) -> list[str]:
        """Return the instructions that give an element, or a vector of them, a name."""
        lines, address = self._at(array, place)
        return [*lines, f"{name} = load {of}, ptr {address}, align 8"]

    def gather(self, name: str, array: str, index: str) -> list[str]:
        """Return the instructions that give the vector of the elements at a vector of places a name."""

        def one(out: str, of: Sequence[str]) -> list[str]:
            return self.load(out, "double", array, of[0])

        return one_by_one(name, [index], WIDTH, one, "i64")

    def store(self, value: str, of: str, array: str, *place: str) -> list[str]:
        """Return the instructions that set an element, or a vector of them."""
        lines, address = self._at(array, place)
        return [*lines, f"store {of} {value}, ptr {address}, align 8"]
