"""The engine that answers a student: verdicts, diagnoses, records. The exercises themselves: `utils.exercises`."""
