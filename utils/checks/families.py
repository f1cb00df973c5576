"""What is easily taken for one another: operators, comparisons, functions of one family."""

import ast

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
FAMILIES = [{"sum", "mean", "max", "min", "prod", "std", "var", "cumsum"}, {"argmax", "argmin"},
            {"exp", "log", "sqrt", "square", "abs", "log2", "log10", "log1p", "expm1", "sign"},
            {"ones", "zeros", "empty", "full"}, {"ones_like", "zeros_like", "empty_like"},
            {"hstack", "vstack", "stack", "concatenate", "column_stack"}, {"dot", "outer", "multiply", "matmul"},
            {"sigmoid", "tanh", "relu", "softmax", "identity"}, {"maximum", "minimum"}, {"any", "all"},
            {"eigvals", "eigvalsh"}, {"cross_entropy", "squared_error", "softmax_cross_entropy"}, {"sin", "cos", "tan"}]
MISSING = [(f"a missing {what}", op()) for what, op in (("factor", ast.Mult), ("factor", ast.Div), ("term", ast.Add),
                                                        ("term", ast.Sub))]
WRAPS = ("abs", "np.sqrt", "np.exp", "np.log", "np.linalg.norm", "softmax", "sigmoid", "np.array", "float")
