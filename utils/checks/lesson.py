"""The exercises of one notebook, and how far a student has come with them."""

from utils.checks import progress
from utils.checks.exercise import Exercise


class Lesson:
    """The exercises of one notebook, in their order; `number` is the notebook's, "04b" for example."""

    def __init__(self, notebook):
        self.notebook, self.number, self.exercises = notebook, notebook.partition("_")[0], {}

    def exercise(self, **data):
        """Make an exercise of the decorated function, its solution; `data` are the arguments of `Exercise`."""
        def make(solution):
            made = self.exercises[solution.__name__] = Exercise(solution, notebook=self.notebook, **data)
            return made
        return make

    def summary(self):
        """Print how far the student is: what is done, what is open, and what was said last."""
        record, remark = progress.read(self.notebook)
        entries = {name: record.get(name, {"verdict": "", "sentence": ""}) for name in self.exercises}
        done = sum(entry["verdict"] == "right" for entry in entries.values())
        print(f"{done} of {len(entries)} exercises done." + (f"\n{remark}" if remark else ""))
        for name, entry in entries.items():
            mark, words = {"right": ("✓", "right"), "": ("·", "open"), "open": ("·", entry["sentence"])}.get(
                entry["verdict"], ("✗", entry["sentence"]))
            print(f"  {mark} {name:<{max(map(len, entries))}}  {words}")
