"""What is set in Jupyter: the server, JupyterLab's settings, lecture mode."""
