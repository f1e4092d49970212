"""Metrics that training alone needs: maps, selection, surfaces, losses. The others are `evanyseg.metrics`."""
