"""Who scores: this process, or the workers of a cluster (`--cluster`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ...audit.measure import CaseMeasurer, MeasureOptions, Measuring
from ...scoring.known_rows import KnownRows, KnownRowScorer
from ...scoring.known_truth import KnownOptions
from ...scoring.pair_rows import PairOptions, PairRows, RowScorer
from .loading import Placement, load_pipeline


@contextmanager
def row_scorer(estimator: str, where: Placement, options: PairOptions, cluster: str | None) -> Iterator[RowScorer]:
    """For `score --pairs`. Raises EvanySegError, MissingPackageError."""
    if cluster is None:
        yield PairRows(load_pipeline(estimator, None, where), options)
        return
    from ...cluster.rows import ClusterRows
    from ...cluster.work import PairPlan, whole_path

    options = replace(options, names=whole_path(options.names))
    with _client(cluster) as client:
        yield ClusterRows(client, PairPlan(_model(estimator, where), options))


@contextmanager
def known_scorer(
    estimators: Sequence[str], where: Placement, options: KnownOptions, cluster: str | None
) -> Iterator[KnownRowScorer]:
    """For `assess`. Raises as `row_scorer` does."""
    if cluster is None:
        yield KnownRows([load_pipeline(name, None, where) for name in estimators], options)
        return
    from ...cluster.rows import ClusterKnownRows
    from ...cluster.work import AssessPlan

    with _client(cluster) as client:
        yield ClusterKnownRows(client, AssessPlan(tuple(_model(name, where) for name in estimators), options))


@contextmanager
def case_measurer(
    estimator: str, where: Placement, options: MeasureOptions, cluster: str | None
) -> Iterator[CaseMeasurer]:
    """For `audit`. Raises as `row_scorer` does."""
    if cluster is None:
        yield Measuring(load_pipeline(estimator, None, where), options)
        return
    from ...cluster.rows import ClusterCases
    from ...cluster.work import AuditPlan, whole_path

    options = replace(options, names=whole_path(options.names))
    with _client(cluster) as client:
        yield ClusterCases(client, AuditPlan(_model(estimator, where), options))


def _client(cluster: str) -> Any:
    from ...cluster.scheduler import connected

    return connected(cluster)


def _model(estimator: str, where: Placement) -> Any:
    from ...cluster.work import WorkModel

    return WorkModel.named(estimator, where.device, where.backend)
