"""What stands in for ipywidgets where there is none: a piece that shows its picture, and says why it does not move.

Of ipywidgets it has what the pieces use, and only a portable notebook lends it to them: see `unpack`.
"""

WHY = "This piece stands still, for ipywidgets is not installed here: pip install ipywidgets, then restart the kernel."


class Layout:
    """A widget's measures, which nobody looks at."""

    def __init__(self, **measures):
        self.__dict__.update(measures)


class Widget:
    """A widget that holds what it was given."""

    def __init__(self, value=None, **traits):
        self.value, self.layout, self._dom_classes = value, Layout(), ()
        self.__dict__.update(traits)

    comm = None  # nobody listens

    def observe(self, handler, names):
        """Leave it at that: nothing will move."""

    def close(self):
        """Leave it at that: nothing is open."""

    on_click = add_class = lambda self, _: self


class Box(Widget):
    """A widget that holds others."""

    def __init__(self, children=(), **traits):
        super().__init__(children=children, **traits)


class FloatSlider(Widget):
    """A number, as far as its range goes."""


class IntSlider(Widget):
    """A whole number, as far as its range goes."""


HBox = VBox = Box
HTML = Text = Textarea = Button = Checkbox = Dropdown = SelectionSlider = Widget
