"""What a run shows: console rows, curves, a diagram of the layers. Matplotlib loads when first used."""
