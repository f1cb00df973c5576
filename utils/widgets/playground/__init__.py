"""The playground: a network that learns in front of you. `utils.widgets.playground()` makes one."""
