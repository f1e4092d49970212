"""What the built-in segmenter's encoder gives, on either backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Features:
    """Of B crops: embedding [B, C, 32, 32], skips [B, C/4, 64, 64] and [B, C/8, 128, 128]; torch tensors or arrays."""

    embedding: Any
    skip4: Any
    skip2: Any

    @property
    def nbytes(self) -> int:
        return sum(int(part.nbytes) for part in (self.embedding, self.skip4, self.skip2))

    def repeat(self, prompts: int) -> Features:
        """Each crop `prompts` times in a row (tensors only: training)."""
        return Features(*(t.repeat_interleave(prompts, 0) for t in (self.embedding, self.skip4, self.skip2)))
