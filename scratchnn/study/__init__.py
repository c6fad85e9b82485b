"""Many runs, compared: presets, seeds, statistics and the page that shows them."""
