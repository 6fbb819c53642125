"""Evaluation protocols; the metrics registered for them are in :mod:`mmeiou.evaluation.metrics`."""
