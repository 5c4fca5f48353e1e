"""Fitting and judging the model that scores payments. It alone needs numpy, pyarrow, scikit-learn and lightgbm."""
