"""What is right in each lab, and its hints: one module for each text in `../texts/`."""
