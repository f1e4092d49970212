"""Sides of the built-in estimator's window over the longer side of the box, for the engine and for its training.

Imports nothing: command lines show these numbers.
"""

WITH_BOX, WITHOUT_BOX = 1.75, 1.5
"""At inference, with the prompt's box and with the mask's own; on sources left out, 1.4 to 1.75 are alike."""
TRAINING = (1.3, 2.5)
"""Range that the trunk's training draws from."""
NEAR_INFERENCE = (1.45, 1.9)
"""Range about the factors at inference, for what is fitted after the trunk."""
