"""What pyproject.toml cannot say: an editable installation, too, puts the data files into the environment.

Setuptools asks for them under a name that its distributions lack.
"""

from setuptools import Distribution, setup

Distribution.has_data = Distribution.has_data_files
setup()
