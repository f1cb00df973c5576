"""Whole lines of a student's function, one fewer, in the other order, further out or further in, = for +=."""

import ast

from utils.checks.trees import compiled, like, of


def of_statements(tree, source):
    """Yield edits of whole statements: one fewer, two in the other order, one further out or in, = for +=."""
    for block in [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]:
        for i, step in enumerate([*block]):
            for what, change in _steps(block, i, step):
                if what == "a return that is missing" and any(isinstance(node, ast.Return) for node in ast.walk(tree)):
                    continue
                before = [*block]
                inside = [*step.body] if isinstance(step, ast.For | ast.While) else None
                change()
                ast.fix_missing_locations(tree)
                yield from compiled(tree, source, what, step.lineno)
                block[:] = before
                if inside:
                    step.body[:] = inside


def _steps(block, i, step):
    """Yield (what, change) for a statement of a block; a change is made in place, and leaves no line out of reach."""
    def to(*steps):
        return lambda: block.__setitem__(slice(i, i + 1), steps)

    def after(j):
        return isinstance(block[j], ast.Return | ast.Break | ast.Continue | ast.Raise) if j < len(block) else True

    if len(block) > 1 and not isinstance(step, ast.Return):
        yield "whether this line is needed", lambda: block.pop(i)
    if isinstance(step, ast.AugAssign):
        value = of(like(step.target, ctx=ast.Load()), step.op, step.value)
        yield "the assignment in place", to(ast.copy_location(ast.Assign([step.target], value), step))
        yield "the assignment", to(ast.copy_location(ast.Assign([step.target], step.value), step))
        for op in (ast.Add(), ast.Sub(), ast.Mult(), ast.Div()):
            yield "the operator", to(like(step, op=op))
    if isinstance(step, ast.Assign) and isinstance(step.targets[0], ast.Name):
        for op in (ast.Add(), ast.Sub()):
            yield "the assignment", to(ast.copy_location(ast.AugAssign(step.targets[0], op, step.value), step))
    if isinstance(step, ast.Assign | ast.Expr) and i == len(block) - 1:
        yield "a return that is missing", to(step, ast.copy_location(ast.Return(
            like(step.targets[0], ctx=ast.Load()) if isinstance(step, ast.Assign) else step.value), step))
    if not after(i + 1) and not isinstance(step, ast.Return):
        yield "the order of this line and the next", lambda: block.__setitem__(slice(i, i + 2), [block[i + 1], step])
    inner = step.body if isinstance(step, ast.For | ast.While) else None
    if not inner:
        return
    if len(inner) > 1:
        if not isinstance(inner[-1], ast.Return) or i + 1 == len(block):
            what = "where the return stands" if isinstance(inner[-1], ast.Return) else "what is inside the loop"
            yield what, lambda: block.insert(i + 1, inner.pop())
        yield "what is inside the loop", lambda: block.insert(i, inner.pop(0))
    if not after(i + 1):
        yield "what is inside the loop", lambda: inner.append(block.pop(i + 1))
    for j in reversed(range(i)):
        yield "what is inside the loop", lambda j=j: inner.insert(0, block.pop(j))
