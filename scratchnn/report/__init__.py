"""What a run shows: console rows, curves, a diagram of the layers. Matplotlib and tqdm load when first used."""
