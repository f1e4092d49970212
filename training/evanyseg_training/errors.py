"""Every error that training and evaluation raise on purpose: one sentence that says what is wrong and what to do."""

from __future__ import annotations

from evanyseg.errors import EvanySegError


class TrainingError(EvanySegError, ValueError):
    """Base of the errors below."""


class OptionError(TrainingError):
    """An option, a setting of a configuration file or a name that is not known, or cannot be used here."""


class DataError(TrainingError):
    """A data folder, table or file that cannot be read, or does not fit what it belongs to."""


class ManifestError(TrainingError):
    """A use or split that is none, or a manifest without the objects that a step needs."""


class StoreError(TrainingError):
    """A folder that is no data store, or one that exists already; a row without what it was asked for."""


class CandidateError(TrainingError):
    """A candidate store without candidates, or without those that a step needs; a part that exists already."""


class ShardError(TrainingError):
    """A folder of shards that is incomplete, or has too few of them."""


class LeakageError(TrainingError):
    """A mask or figure would come from a model that saw the subject."""


class RunError(TrainingError):
    """The folder of a run that holds another one, or lacks what a next step needs."""


class HeldoutListError(TrainingError):
    """A held-out list that is missing, or does not belong to its masks."""


class UnrecordedRunError(TrainingError):
    """A run on evaluate-only sets that would leave no trace."""
