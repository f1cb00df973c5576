"""A function as a tree: its names, its places, and what can be put into them."""

import ast


def own_names(tree):
    """Return the names of the arguments, and of what is assigned to."""
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return [*(arg.arg for arg in tree.args.args), *sorted(assigned - {arg.arg for arg in tree.args.args})][:9]


def places(tree):
    """Return (parent, field, index or None, node) for each expression in the body, in the order of the text."""
    found = []

    def visit(parent):
        for field, value in ast.iter_fields(parent):
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, node in items:
                if isinstance(node, ast.expr | ast.Slice):
                    found.append((parent, field, index, node))
                if isinstance(node, ast.AST) and not isinstance(node, ast.arguments):
                    visit(node)

    for step in tree.body:
        visit(step)
    return found


def put(parent, field, index, node):
    """Put a node into its place."""
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def named(name, node):
    """Return a name, or a dotted one, as an expression in the place of a node."""
    return ast.copy_location(ast.parse(name, mode="eval").body, node)


def is_read(node, field):
    """Say whether an expression is read, and not assigned to, or called."""
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and field != "func"


def compiled(tree, source, what, line):
    """Yield an edit, if it is a function still."""
    try:
        yield what, line, source.altered(tree)
    except (SyntaxError, ValueError, TypeError):
        return


def like(node, **fields):
    """Return a copy of a node with other fields."""
    return ast.copy_location(type(node)(**{**dict(ast.iter_fields(node)), **fields}), node)


def of(left, op, right):
    """Return `left op right` in the place of `left`."""
    return ast.copy_location(ast.BinOp(left, op, right), left)


def located(new, node):
    """Return a new node in the place of another one; one that has a place already keeps it."""
    return ast.fix_missing_locations(new if hasattr(new, "lineno") else ast.copy_location(new, node))


def line_of(node):
    """Return the line in which a change of a node is seen: that of an operator is where its right side begins."""
    if isinstance(node, ast.BinOp):
        return node.right.lineno
    return node.comparators[0].lineno if isinstance(node, ast.Compare) else node.lineno
