"""Opening: files of the browser's computer, and what lies in the folder that was named at start."""

from __future__ import annotations

from collections.abc import Callable

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.state import State

from evanyseg.errors import EvanySegError
from evanyseg.io.arrivals.named_folder import NamedFolder

from ..files.incoming import IMAGE, MASKS
from .parts import wide_button

TAKEN = ".nii,.gz,.nrrd,.nhdr,.mha,.mhd,.dcm,.zip,.mrb,.png,.jpg,.jpeg,.tif,.tiff"


class OpenPanel:
    """`chosen(kind, place)`: a file or folder below the named folder is to be opened."""

    def __init__(
        self, state: State, folder: NamedFolder | None, chosen: Callable[[str, str], None], say: Callable[..., None]
    ) -> None:
        self.state, self.folder, self._chosen, self._say = state, folder, chosen, say
        state.update({"folder_place": "", "folder_entries": [], "folder_shown": False})

    def build(self) -> None:
        with html.Div(classes="d-flex flex-wrap ga-1 mb-1"):
            for kind, title, icon in ((IMAGE, "Open a file", "mdi-folder-upload"), (MASKS, "Add masks", "mdi-shape")):
                html.Input(
                    type="file",
                    id=f"file-{kind}",
                    accept=TAKEN,
                    style="display: none",
                    change=f"window.evanysegUpload('{kind}', $event.target)",
                )
                v3.VBtn(
                    title,
                    prepend_icon=icon,
                    size="small",
                    variant="tonal",
                    click=f"window.document.getElementById('file-{kind}').click()",
                    id=f"open-{kind}",
                    title="NIfTI, NRRD, MetaImage, a zipped DICOM series, a picture"
                    + (", or a scene (.mrb)" if kind == IMAGE else "; .seg.nrrd, label map, DICOM SEG"),
                )
            if self.folder is not None:
                wide_button("mdi-folder-open", self.folder.root.name or "Folder", self.toggle, "browse")
        if self.folder is not None:
            with html.Div(v_if=("folder_shown",), id="folder", style="max-height: 180px; overflow-y: auto"):
                html.Div("{{ folder_place || '/' }}", classes="text-caption text-medium-emphasis")
                with html.Div(
                    v_for="e in folder_entries",
                    key="e.place",
                    classes="d-flex align-center",
                    raw_attrs=[':data-place="e.place"'],
                ):
                    html.A(
                        "{{ e.name }}{{ e.folder ? '/' : '' }}",
                        href="#",
                        click_prevent=(self._go, "[e.place, e.folder]"),
                        __events=[("click_prevent", "click.prevent")],
                        classes="text-truncate flex-grow-1 text-body-2",
                    )
                    html.Span("{{ e.size }}", classes="text-caption text-medium-emphasis mx-1")
                    v3.VBtn("Open", size="x-small", variant="text", click=(self._open, f"['{IMAGE}', e.place]"))
                    v3.VBtn("Masks", size="x-small", variant="text", click=(self._open, f"['{MASKS}', e.place]"))

    def refresh(self) -> None:
        """The folder is read when it is looked at."""

    def toggle(self) -> None:
        self.state.folder_shown = not self.state.folder_shown
        if self.state.folder_shown:
            self.show(self.state.folder_place)

    def show(self, place: str) -> None:
        """List a folder."""
        assert self.folder is not None
        try:
            found = self.folder.entries(place)
        except EvanySegError as error:
            self._say(str(error), problem=True)
            return
        up = [{"name": "..", "place": place.rpartition("/")[0], "folder": True, "size": ""}] if place else []
        self.state.folder_place = place
        self.state.folder_entries = up + [
            {"name": e.name, "place": e.place, "folder": e.folder, "size": "" if e.folder else _size(e.size)}
            for e in found
        ]

    def _go(self, place: str, folder: bool) -> None:
        if folder:
            self.show(place)
        else:
            self._chosen(IMAGE, place)

    def _open(self, kind: str, place: str) -> None:
        self._chosen(kind, place)


def _size(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB" if size >= 1 << 19 else f"{size / 1024:.0f} kB"
