"""The two modes of an estimator, with the prompt's box and without a prompt: their names in files and tables, and the
sides of the built-in estimator's window over the longer side of the box, for the engine and for its training.

Imports nothing: command lines show these numbers.
"""

BOX, NO_PROMPT = MODES = ("box", "no-prompt")
"""With the prompt's box; without one, by the mask's bounding box."""
FORMER_NO_PROMPT = "own"
"""What NO_PROMPT was called before: read, never written."""

WITH_BOX, WITHOUT_BOX = 1.75, 1.5
"""Window factors at inference in the two modes; on held-out sources, 1.4 to 1.75 are alike."""
TRAINING = (1.3, 2.5)
"""Range that the trunk's training draws from."""
NEAR_INFERENCE = (1.45, 1.9)
"""Range about the factors at inference, for what is fitted after the trunk."""
