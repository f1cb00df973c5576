"""All that can be changed in one place of a student's function: an operator, a number, a name, a line, …"""

import ast

from utils.checks.families import ARITHMETIC, COMPARISONS, FAMILIES, MISSING, WRAPS
from utils.checks.lines import of_statements
from utils.checks.trees import compiled, is_read, like, line_of, located, named, of, own_names, places, put

EVERYWHERE = "in several places: "  # before what is changed in all of them


def edits(tree, source):
    """Yield (what was changed, in which line, the changed function) for each edit, the likelier ones first."""
    for step in ast.walk(tree):
        if isinstance(step, ast.Return) and isinstance(step.value, ast.Tuple):
            step.value.is_returned = True
    yield from of_statements(tree, source)
    yield from everywhere(tree, source)
    for kinds in (fewer, small, turned, others, more):
        for parent, field, index, node in places(tree):
            for what, new in kinds(node, parent, field, own_names(tree)):
                put(parent, field, index, located(new, node))
                yield from compiled(tree, source, what, line_of(node))
                put(parent, field, index, node)


def small(node, parent, field, names):
    """Yield (what, new) for one other operator, number, axis, index, name, transpose or sign."""
    if isinstance(node, ast.BinOp):
        for op in ARITHMETIC:
            if not isinstance(node.op, op):
                yield "the operator", like(node, op=op())
        yield "the order of the two sides", like(node, left=node.right, right=node.left)
        if isinstance(node.right, ast.BinOp):  # a − b / c → (a − b) / c
            inner = node.right
            yield "the brackets", of(of(node.left, node.op, inner.left), inner.op, inner.right)
        if isinstance(node.left, ast.BinOp):
            inner = node.left
            yield "the brackets", of(inner.left, inner.op, of(inner.right, node.op, node.right))
            if isinstance(inner.left, ast.BinOp):
                deep = inner.left
                whole = of(deep.left, deep.op, of(of(deep.right, inner.op, inner.right), node.op, node.right))
                yield "the brackets", whole
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number = node.value
        what = _number_in(parent, field)
        for other in dict.fromkeys((number + 1, number - 1, 0, 1, -1, 2, 0.5, -number, 2 * number, number / 2)):
            if other != number or type(other) is not type(number):
                yield what, like(node, value=other)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "True or False", like(node, value=not node.value)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for op in COMPARISONS:
            if not isinstance(node.ops[0], op):
                yield "the comparison", like(node, ops=[op()])
    if isinstance(node, ast.BoolOp):
        yield "and, or", like(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.Attribute) and node.attr == "T" and is_read(node, field):
        yield "the transpose", node.value
    if isinstance(node, ast.Name) and is_read(node, field):
        for name in names:
            if name != node.id:
                yield f"the name {node.id}", like(node, id=name)
    if isinstance(node, ast.UnaryOp):
        yield "the sign", node.operand
    if isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part) is not None:
                yield "the slice", like(node, **{part: None})
                for op in (ast.Add(), ast.Sub()):
                    yield "the slice", like(node, **{part: of(getattr(node, part), op, ast.Constant(1))})
            else:
                for bound in (1, -1, *names):
                    value = named(bound, node.lower or node) if isinstance(bound, str) else ast.Constant(bound)
                    yield "the slice", like(node, **{part: value})


def turned(node, parent, field, names):
    """Yield (what, new) for one transpose or sign more."""
    if is_read(node, field) and isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.BinOp):
        yield "the transpose", ast.copy_location(ast.Attribute(node, "T", ast.Load()), node)
        yield "the sign", ast.copy_location(ast.UnaryOp(ast.USub(), node), node)


def _number_in(parent, field):
    if isinstance(parent, ast.keyword):
        return f"the {parent.arg}" if parent.arg else "the number"
    if isinstance(parent, ast.Subscript) or field == "slice":
        return "the index"
    return "the axis" if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and (
        parent.func.attr in FAMILIES[0]) else "the number"


def fewer(node, parent, field, names):
    """Yield (what, new) for one factor, term, call, index, condition or sign less."""
    if isinstance(node, ast.BinOp):
        what = "a term too many" if isinstance(node.op, ast.Add | ast.Sub) else "a factor too many"
        yield what, node.left
        yield what, node.right
    if isinstance(node, ast.Call):
        yield from _shorter(node)
    if isinstance(node, ast.Subscript) and is_read(node, field):
        yield "the index", node.value
    if isinstance(node, ast.IfExp):
        for new in (node.body, node.orelse, like(node, body=node.orelse, orelse=node.body)):
            yield "the condition", new
    if isinstance(node, ast.List | ast.Tuple) and len(node.elts) == 1 and is_read(node, field):
        yield "the brackets", node.elts[0]


def others(node, parent, field, names):
    """Yield (what, new) for another function of the same family, or other arguments."""
    if isinstance(node, ast.Attribute | ast.Name) and isinstance(getattr(node, "ctx", None), ast.Load):
        word = node.attr if isinstance(node, ast.Attribute) else node.id
        for family in FAMILIES:
            for other in sorted(family - {word}) if word in family else ():
                yield f"the function {word}", like(node, **{"attr" if isinstance(node, ast.Attribute) else "id": other})
    if isinstance(node, ast.Call):
        yield from _calls(node)


def more(node, parent, field, names):
    """Yield (what, new) for one factor, term, call or index more.

    Nothing is added but to what is returned, kept or compared as a whole: within, it would only cover something up.
    """
    as_a_whole = isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Compare) or (
        isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr == "append"
    ) or hasattr(parent, "is_returned")
    uses = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & set(names)
    if not (as_a_whole and uses and field in ("value", "elts", "args", "left", "comparators") and is_read(node, field)):
        return
    if isinstance(node, ast.BinOp | ast.Call | ast.Name | ast.Subscript | ast.UnaryOp):
        for name in names:
            for other in (named(name, node), named(f"len({name})", node)) if name not in uses else ():
                for what, op in MISSING:
                    yield what, of(node, op, other)
        for name in WRAPS:
            yield "a function that is missing", ast.copy_location(ast.Call(named(name, node), [node], []), node)
        for number, op in ((2, ast.Mult()), (2, ast.Div()), (2, ast.Pow()), (1, ast.Sub()), (1, ast.Add())):
            yield "a missing number", of(node, op, ast.Constant(number))
        yield "the order of the two sides", of(ast.copy_location(ast.Constant(1), node), ast.Sub(), node)
        for index in ("None", ":, None", "0", "-1", "::-1"):
            yield "the index", _indexed(node, index)
        for call in ("sum()", "mean()", "sum(0)", "sum(1)", "copy()", "sum(axis=1, keepdims=True)",
                     "sum(axis=0, keepdims=True)"):
            new = named(f"x.{call}", node)
            new.func.value = node
            yield f"a {call.partition('(')[0]} that is missing", new


def _indexed(node, index):
    new = named(f"x[{index}]", node)
    new.value = node
    return new


def _shorter(node):
    """Yield (what, new) for what a call is made of, alone."""
    if node.args and not isinstance(node.args[0], ast.Starred):
        yield "a call too many", node.args[0]
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.expr):
        yield "a call too many", node.func.value
    for i in range(len(node.keywords)):
        yield f"the {node.keywords[i].arg}", like(node, keywords=node.keywords[:i] + node.keywords[i + 1:])


def _calls(node):
    """Yield (what, new) for a call with other arguments."""
    if isinstance(node.func, ast.Attribute) and node.func.attr in FAMILIES[0]:
        rest = [word for word in node.keywords if word.arg != "axis"]
        for axis in (0, 1, -1):
            keywords = [*rest, ast.keyword("axis", ast.Constant(axis))]
            receiver = node.args[:1] if isinstance(node.func.value, ast.Name) and node.func.value.id == "np" else []
            yield "the axis", like(node, args=receiver, keywords=keywords)
            keep = [word for word in keywords if word.arg != "keepdims"] + [
                ast.keyword("keepdims", ast.Constant(True))]
            yield "the axis and keepdims", like(node, args=receiver, keywords=keep)
        yield "keepdims", like(node, keywords=[*node.keywords, ast.keyword("keepdims", ast.Constant(True))])
    if len(node.args) > 1:
        for i in range(len(node.args)):
            yield "an argument too many", like(node, args=node.args[:i] + node.args[i + 1:])
            for j in range(i):
                args = [*node.args]
                args[i], args[j] = args[j], args[i]
                yield "the order of the arguments", like(node, args=args)
    if isinstance(node.func, ast.Name) and node.func.id == "range":
        last = node.args[-1]
        one = ast.Constant(1)
        for args in ([one, last], [one, of(last, ast.Add(), one)], [of(last, ast.Add(), one)],
                     [of(last, ast.Sub(), one)], [*node.args[:-1], of(last, ast.Add(), one)],
                     [*node.args[:-1], of(last, ast.Sub(), one)]):
            yield "where the loop begins and ends", like(node, args=args)


def everywhere(tree, source):
    """Yield edits of all uses of a name at once: rows for columns, the transpose, another axis."""
    for name in own_names(tree):
        uses = [place for place in places(tree) if isinstance(place[3], ast.Name) and place[3].id == name
                and isinstance(place[3].ctx, ast.Load)]
        rows = [place for place in places(tree) if isinstance(place[3], ast.Subscript) and len(uses) > 1
                and ast.unparse(place[3].value) == name and isinstance(place[3].slice, ast.Constant)]
        for what, found, new in (("rows and columns", rows, lambda node: _indexed(
                node.value, f":, {ast.unparse(node.slice)}")), ("the transpose", uses, lambda node: ast.Attribute(
                    node, "T", ast.Load()))):
            if len(found) > 1:
                yield from _all_at_once(tree, source, what, found, new)
    axes = [(parent, field, index, node) for parent, field, index, node in places(tree)
            if isinstance(node, ast.Constant) and type(node.value) is int and _number_in(parent, field) == "the axis"]
    if len(axes) > 1:
        yield from _all_at_once(tree, source, "the axis", axes, lambda node: ast.Constant(1 - node.value))


def _all_at_once(tree, source, what, found, new):
    for parent, field, index, node in found:
        put(parent, field, index, located(new(node), node))
    yield from compiled(tree, source, f"{EVERYWHERE}{what}", found[0][3].lineno)
    for parent, field, index, node in found:
        put(parent, field, index, node)
