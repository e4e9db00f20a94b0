"""Training, evaluation and prediction for every net of the registry."""
