"""How a model learns: the plain loop in `epoch.py`, and around it what devices, the console and callbacks need."""
