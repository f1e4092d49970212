"""The module as a whole: size, what importing and entering it costs, sample data, the self test."""

from __future__ import annotations

import json
import subprocess
import sys
import types

import pytest
import slicer

from desktop import module, phantoms
from desktop.user import User

HEAVY = ("torch", "torchvision", "timm", "segment_anything", "monai")


def test_the_module_file_is_a_shell():
    assert len(module.MODULE.read_text().splitlines()) <= 200


def test_every_file_stays_small():
    folder = module.ROOT / "EvanySegSlicer"
    for path in [
        *folder.glob("EvanySegSlicerLib/desktop/**/*.py"),
        *folder.glob("EvanySegSlicerLib/presenters/**/*.py"),
    ]:
        assert len(path.read_text().splitlines()) <= 300, path.name


def test_entering_costs_no_network_and_builds_nothing_again(host):
    """In milliseconds: `dev.py bench responsive`."""
    phantoms.show(phantoms.add_volume(host.scene, phantoms.ball()))
    before = set(sys.modules)
    first = module.enter(host)
    new = {name.split(".")[0] for name in set(sys.modules) - before}
    assert not new & set(HEAVY)
    panel, imported = first.panel, set(sys.modules)
    for _ in range(3):
        host.leave_module()
        again = host.selectModule("EvanySegSlicer").self()
        assert again is first
        assert again.panel is panel
    assert set(sys.modules) == imported


def test_importing_the_presenters_needs_neither_qt_nor_torch():
    folder = module.ROOT / "EvanySegSlicer"
    files = (folder / "EvanySegSlicerLib" / "presenters").rglob("*.py")
    names = [".".join(p.relative_to(folder).with_suffix("").parts) for p in files if p.stem != "__init__"]
    assert len(names) >= 16
    code = (
        "import sys, importlib\n"
        f"for name in {names}: importlib.import_module(name)\n"
        f"print([m for m in {(*HEAVY, 'PySide6', 'qt', 'ctk')} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=module.ROOT / "EvanySegSlicer", check=True
    )
    assert done.stdout.strip() == "[]"


def test_sample_data_is_registered_with_checksums(host, monkeypatch):
    calls = []
    logic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **given: calls.append(given))
    fake = types.ModuleType("SampleData")
    fake.SampleDataLogic = logic
    monkeypatch.setitem(sys.modules, "SampleData", fake)
    module.load(host)
    samples = json.loads((module.ROOT / "EvanySegSlicer/Resources/samples.json").read_text())["samples"]
    assert len(calls) == len(samples) >= 2
    for call in calls:
        digest = call["checksums"].removeprefix("SHA256:")
        assert len(digest) == 64
        assert digest in call["uris"], "Slicer's own data is named by its checksum"
        assert call["uris"].startswith("https://github.com/Slicer/")
        assert call["category"] == "EvanySeg"


def test_the_ui_file_names_every_widget_the_code_uses(host):
    import re

    ui = slicer.util.loadUI(str(module.ROOT / "EvanySegSlicer/Resources/UI/EvanySegSlicer.ui"))
    named = vars(slicer.util.childWidgetVariables(ui))
    used = set()
    files = list((module.ROOT / "EvanySegSlicer/EvanySegSlicerLib/desktop").rglob("*.py"))
    assert len(files) > 15
    for path in files:
        used |= set(re.findall(r"\bui\.([A-Za-z]\w+)", path.read_text()))
    assert used - set(named) == set()


def test_every_control_has_a_tooltip(host):
    ui = slicer.util.loadUI(str(module.ROOT / "EvanySegSlicer/Resources/UI/EvanySegSlicer.ui"))
    silent = [
        name
        for name, child in vars(slicer.util.childWidgetVariables(ui)).items()
        if type(child).__name__
        in ("QPushButton", "QToolButton", "QCheckBox", "QComboBox", "QDoubleSpinBox", "QSpinBox")
        and not child.toolTip
        and not name.startswith("Scroll")  # Qt's own, beside the tabs
    ]
    assert silent == []


def smallest(widget):
    """Its minimum size: `minimumSizeHint` is a property in PythonQt, so that the test runs in Slicer too."""
    hint = widget.minimumSizeHint
    return hint() if callable(hint) else hint


@pytest.fixture(params=[9, 12])
def font_size(request):
    """Of all widgets made from here on; 12 points are what people with large screens set."""
    import qt

    font = before = qt.QApplication.font()
    font = qt.QFont(before)
    font.setPointSize(request.param)
    qt.QApplication.setFont(font)
    yield request.param
    qt.QApplication.setFont(before)


def test_the_panel_fits_a_small_laptop(font_size, hands):
    """Also with results in it, with long names, with larger letters, and whichever tab is shown."""
    from desktop.slicer_standin.host import Host

    with Host() as host:
        user = User(host, hands)
        widget = user.widget
        user.volume.SetName("CT of the abdomen with contrast medium, portal venous phase, series 7, 1.25 mm B31f")
        user.draw()
        user.review.segmentation.SetName("Segmentation of the liver and of all that lies around it, second reading")
        for tab in ("segmentTab", "reviewTab", "compareTab", "exploreTab", "settingsTab"):
            user.tab(tab)
        panel = widget.parent if not callable(widget.parent) else widget.parent()
        assert smallest(panel).width() <= 446
        content = user.ui.tabs.parent  # what would scroll sideways
        assert smallest(content() if callable(content) else content).width() <= 446
        assert smallest(panel).height() <= 768


def test_the_self_test_that_runs_in_slicer_passes_here(host):
    loaded = module.load(host)
    assert loaded.name == "EvanySegSlicer"
    slicer.util.setSliceViewerLayers = lambda **given: None
    test = sys.modules["EvanySegSlicer"].EvanySegSlicerTest()
    test.delayDisplay = lambda *given: host.app.processEvents()
    test.runTest()


def test_the_self_test_passes_while_the_module_is_shown(host, hands):
    """'Reload and Test' is pressed there: the panel follows the scene and has a review and an overlay of its own."""
    user = User(host, hands)
    user.draw()
    slicer.util.setSliceViewerLayers = lambda **given: None
    test = sys.modules["EvanySegSlicer"].EvanySegSlicerTest()
    test.delayDisplay = lambda *given: host.app.processEvents()
    test.runTest()
    assert host.selectedModule == "EvanySegSlicer"


def test_one_failed_check_in_slicer_is_not_told_of_the_others(host, monkeypatch, capsys):
    from desktop import run_in_slicer
    from EvanySegSlicerLib.desktop.setup import self_test

    module.load(host)
    checks = {"first": lambda: None, "second": lambda: 1 / 0, "third": lambda: None}
    monkeypatch.setattr(self_test, "CHECKS", checks)
    assert run_in_slicer.run() == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == ["passed: first", "FAILED: second", "passed: third"]
    assert "ZeroDivisionError" in said.err
    monkeypatch.setattr(self_test, "CHECKS", {"first": lambda: None})
    assert run_in_slicer.run() == 0


def test_a_failed_setup_is_the_only_error(host, hands, monkeypatch):
    """Slicer calls enter, exit and the scene's events all the same."""
    from EvanySegSlicerLib.desktop import panel

    def broken(*given):
        raise RuntimeError("the panel could not be built")

    module.load(host)
    monkeypatch.setattr(panel, "Panel", broken)
    with pytest.raises(RuntimeError, match="could not be built"):
        host.app.moduleManager().module("EvanySegSlicer").widgetRepresentation()
    widget = slicer.modules.EvanySegSlicerWidget
    widget.enter()
    host.close_scene()
    widget.exit()
    widget.cleanup()


def test_memory_stays_flat_over_many_boxes(host, hands, pytestconfig):
    """60 boxes; 200 with --run-slow."""
    import resource

    user = User(host, hands)
    user.draw(half=20)
    peak = []
    boxes = 200 if pytestconfig.getoption("--run-slow", False) else 60
    for count in range(boxes):
        user.driver.drag(host.view("Red"), *user.corners("Red", 14 + count % 12))
        user.wait("the mask")
        if count in (boxes // 3, boxes - 1):
            peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert len(user.rows) == 1
    assert peak[1] - peak[0] < 40_000, peak  # kilobytes; ten undo states and the embedding cache are kept
