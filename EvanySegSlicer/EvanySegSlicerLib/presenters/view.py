"""What presenters ask of the front end that shows them. A front end implements these two, and nothing else. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ..scene.table.records import Key

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode
    from vtkmodules.vtkRenderingCore import vtkProp, vtkRenderer, vtkRenderWindowInteractor


class View(Protocol):
    """What the user can be told."""

    def status(self, text: str, problem: bool = False) -> None:
        """One sentence for the status line; problems stand out."""

    def busy(self, what: str, fraction: float) -> None:
        """A job is on its way."""

    def idle(self) -> None:
        """The last job has ended."""

    def updated(self, keys: list[Key]) -> None:
        """Rows or masks of these keys changed; an empty list: anything may have."""


class Owner(Protocol):
    """Somebody who begins an action and wants to hear what becomes of it, beside the status line."""

    def told(self, text: str, problem: bool = False) -> None:
        """What the status line says of his action."""


class SliceView(Protocol):
    """One slice view on the screen."""

    @property
    def name(self) -> str:
        """Its layout name: Red, Green, Yellow, ..."""

    @property
    def slice_node(self) -> vtkMRMLSliceNode: ...

    @property
    def interactor(self) -> vtkRenderWindowInteractor: ...

    @property
    def renderer(self) -> vtkRenderer:
        """Where labels and the box being drawn go."""

    def add_actor(self, actor: vtkProp) -> None:
        """Add it to the renderer, and render."""

    def remove_actor(self, actor: vtkProp) -> None: ...

    def render(self) -> None:
        """Soon, not at once."""


class SliceViews(Protocol):
    """The slice views of the current layout."""

    def all(self) -> Sequence[SliceView]: ...

    def active(self) -> SliceView | None:
        """The one last drawn on, else the first; None in a layout without any."""
