"""Texts in, labels out: what a trained model says of texts, how often it is right, and an estimator around both."""
