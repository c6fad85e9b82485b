"""How a model learns: the plain loop in `epoch.py`, and round it what a device, a console and a person need."""
