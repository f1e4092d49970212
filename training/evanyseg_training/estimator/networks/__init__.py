"""The networks that can be trained as estimators."""
