"""The reusable code of the lecture; import its modules by name, as in ``from utils.mlp import forward``."""
