"""What the overlay pushes aside while it is shown, in a form that is saved with the scene."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Foreground:
    """Of one slice view: the view's layout name, the volume's node id ('' for none), its opacity."""

    name: str
    volume: str
    opacity: float


@dataclass
class Displaced:
    """views: by id of the slice composite node; segmentation: id of the node whose fill and outline were changed."""

    views: dict[str, Foreground] = field(default_factory=dict)
    segmentation: str = ""
    fill: bool = True
    outline: bool = True

    def text(self) -> str:
        """JSON; empty when nothing is displaced."""
        return json.dumps(asdict(self)) if self.views or self.segmentation else ""

    @classmethod
    def of_text(cls, text: str) -> Displaced:
        """Nothing displaced where the text is not one of `text()` (a file edited by hand)."""
        try:
            found = json.loads(text) if text else {}
            views = {view: Foreground(**shown) for view, shown in found.get("views", {}).items()}
            segmentation = found.get("segmentation", "") if "fill" in found else ""
            return cls(views, segmentation, bool(found.get("fill", True)), bool(found.get("outline", True)))
        except (ValueError, TypeError, AttributeError):
            return cls()
