"""Window sides over the longer side of the box, after the trunk's training. Imports nothing: commands show them."""

BOX, OWN = AT_INFERENCE = (1.75, 1.5)
"""With a box, and with the mask's own; on sources left out, 1.4 to 1.75 are alike."""
NEAR_INFERENCE = (1.45, 1.9)
"""Range about those, for what is fitted after the trunk."""
