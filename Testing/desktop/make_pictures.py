"""Makes the tutorial's pictures again: the module on the brain template that nilearn ships, with the built-in models.

    python Testing/desktop/make_pictures.py [FOLDER]        default: docs/pictures

Every picture is the whole window (1366 x 768) after real clicks and drags in the stand-in. In desktop Slicer the
frame around the panel and the views looks different; the panel and what the views show are the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "EvanySegSlicer"), str(ROOT / "Testing")]

from desktop.slicer_standin.driver import Driver  # noqa: E402
from desktop.slicer_standin.host import Host  # noqa: E402
from desktop.user import User  # noqa: E402

VENTRICLE = ((-2, 44), (30, -30))
LEVEL_MM = 16.0
QUALITY = 82
"""An axial level through the lateral ventricles (MNI millimetres)."""


def brain(scene):
    """The T1 template as a volume node."""
    from evanyseg.io.read import read_image
    from EvanySegSlicerLib.demo.template import template_files
    from EvanySegSlicerLib.scene.nodes.add_volume import add_volume

    node = add_volume(scene, read_image(template_files()["t1"]))
    node.SetName("Brain template")
    return node


class Photographer:
    def __init__(self, user: User, folder: Path) -> None:
        self.user, self.folder = user, folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, name: str) -> None:
        user = self.user
        user.driver.run_for(0.2)
        for view in ("Red", "Green", "Yellow"):
            user.host.view(view).forceRender()
        user.driver.settle()
        path = self.folder / f"{name}.webp"  # a sixth of a PNG's size: a clone has little room
        if not user.host.window.grab().save(str(path), "WEBP", QUALITY):
            raise OSError(f"{path} could not be written")
        print(path)


def name(user: User, number: int, text: str) -> None:
    user.review.segmentation.GetSegmentation().GetNthSegment(number).SetName(text)
    user.panel.updated([])


def box(user: User, corner, opposite, pause=None) -> None:
    """A box on the axial view between two points in mm right and up of its middle."""
    if not user.ui.drawBoxButton.checked:
        user.click("drawBoxButton")
    view = user.host.view("Red")
    start, end = user.corners("Red", 0, corner)[0], user.corners("Red", 0, opposite)[0]
    user.driver.drag(view, start, end, release=False)
    if pause is not None:
        pause()
    user.driver.release(view, end)
    user.wait("the mask", 300)


def make(folder: Path) -> None:
    from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

    with Host() as host:
        user = User(host, Driver(), ModelStore.of_engine(), brain(host.scene))
        shots = Photographer(user, folder)
        host.window.statusBar().hide()
        for view, offset in (("Red", LEVEL_MM), ("Green", -18.0), ("Yellow", 12.0)):
            host.app.layoutManager().sliceWidget(view).sliceLogic().SetSliceOffset(offset)
        shots.take("1-opened")

        # the whole brain, then one lateral ventricle: drawn halfway for the picture, then released
        user.click("addSegmentButton")
        name(user, 0, "Brain")
        box(user, (-74, 96), (74, -110))
        shots.take("2-scored")
        user.click("addSegmentButton")
        name(user, 1, "Ventricle")
        box(user, *VENTRICLE, pause=lambda: shots.take("3-drawing"))
        shots.take("4-second-segment")
        for step in (-10, -10, 30, 10):
            user.scroll("Red", step)
            user.choose("segmentSelector", 0)
            box(user, (-74, 96), (74, -110))
            user.choose("segmentSelector", 1)
            box(user, *VENTRICLE)
        user.driver.key(host.view("Red"), _key("Escape"))

        user.tab("reviewTab")
        user.click("nextButton")
        user.click("flagButton")
        user.panel.presenters.reviewing.comment("Check the tip")
        user.click("nextButton")
        shots.take("5-review")

        user.host.app.layoutManager().sliceWidget("Red").sliceLogic().SetSliceOffset(LEVEL_MM)
        user.tab("segmentTab")
        user.click("errorMapCheckBox")
        user.wait("the error map", 300)
        shots.take("6-error-map")
        user.click("errorMapCheckBox")

        user.choose("segmentSelector", 1)
        user.click("nextClickButton")
        user.wait("the map", 300)
        shots.take("10-next-click")
        user.click("nextClickButton")

        user.tab("compareTab")
        user.click("compareButton")
        user.wait("candidates", 300)
        shots.take("7-compare")

        user.tab("exploreTab")
        user.ui.referenceSelector.setCurrentNode(user.review.segmentation)
        for error, most in ((0, 5), (1, 9), (2, 9), (3, 13)):
            user.choose("errorSelector", error)
            for pixels in range(1, most, 2):
                user.ui.amountSlider.value = pixels
                user.wait("the answer", 300)
        shots.take("8-explore")

        user.tab("settingsTab")
        shots.take("9-settings")


def _key(name: str):
    from PySide6 import QtCore

    return getattr(QtCore.Qt.Key, f"Key_{name}")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
