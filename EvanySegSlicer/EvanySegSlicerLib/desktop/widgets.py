"""The panel's widgets by name, as `slicer.util.childWidgetVariables` finds them in Resources/UI/EvanySegSlicer.ui.

A test keeps this list equal to the file. Labels that only name a widget beside them are called label1, label2, ...
there and are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import ctk
    import qt
    import slicer


class PanelWidgets(Protocol):
    volumeSelector: slicer.qMRMLNodeComboBox
    segmentationSelector: slicer.qMRMLNodeComboBox
    segmentSelector: qt.QComboBox
    addSegmentButton: qt.QPushButton
    statusLabel: qt.QLabel
    installButton: qt.QPushButton
    tabs: qt.QTabWidget
    segmentTab: qt.QWidget
    drawBoxButton: qt.QPushButton
    positivePointButton: qt.QToolButton
    negativePointButton: qt.QToolButton
    undoButton: qt.QToolButton
    redoButton: qt.QToolButton
    nextClickButton: qt.QPushButton
    insideButton: qt.QToolButton
    outsideButton: qt.QToolButton
    resultLabel: qt.QLabel
    propagateGroup: qt.QGroupBox
    propagateUpButton: qt.QPushButton
    propagateDownButton: qt.QPushButton
    propagateBothButton: qt.QPushButton
    stopBelowSpinBox: qt.QDoubleSpinBox
    scoreGroup: qt.QGroupBox
    scoreButton: qt.QPushButton
    axisSelector: qt.QComboBox
    missingCheckBox: qt.QCheckBox
    allowCroppedCheckBox: qt.QCheckBox
    showGroup: qt.QGroupBox
    overlayCheckBox: qt.QCheckBox
    errorMapCheckBox: qt.QCheckBox
    bandsCheckBox: qt.QCheckBox
    modelsButton: ctk.ctkCollapsibleButton
    segmenterSelector: qt.QComboBox
    estimatorSelector: qt.QComboBox
    deviceSelector: qt.QComboBox
    presetSelector: qt.QComboBox
    modelNoteLabel: qt.QLabel
    reviewTab: qt.QWidget
    countsLabel: qt.QLabel
    qualityStrip: qt.QTableWidget
    orderSelector: qt.QComboBox
    minimumAreaSpinBox: qt.QDoubleSpinBox
    segmentFilter: qt.QComboBox
    bandFilter: qt.QComboBox
    stateFilter: qt.QComboBox
    reviewTable: qt.QTableView
    previousButton: qt.QToolButton
    nextButton: qt.QPushButton
    acceptButton: qt.QPushButton
    flagButton: qt.QPushButton
    undoDecisionButton: qt.QToolButton
    commentEdit: qt.QLineEdit
    summaryTable: qt.QTableWidget
    learningLabel: qt.QLabel
    learnButton: qt.QPushButton
    undoLearningButton: qt.QPushButton
    rescoreButton: qt.QPushButton
    exportCsvButton: qt.QPushButton
    exportHtmlButton: qt.QPushButton
    compareTab: qt.QWidget
    compareHelpLabel: qt.QLabel
    compareModels: qt.QListWidget
    compareButton: qt.QPushButton
    keepBestButton: qt.QPushButton
    keepChosenButton: qt.QPushButton
    candidateList: qt.QListWidget
    exploreTab: qt.QWidget
    exploreHelpLabel: qt.QLabel
    errorSelector: qt.QComboBox
    amountSlider: ctk.ctkSliderWidget
    referenceSelector: slicer.qMRMLNodeComboBox
    exploreResultLabel: qt.QLabel
    explorePicture: qt.QLabel
    scatterPicture: qt.QLabel
    clearScatterButton: qt.QPushButton
    settingsTab: qt.QWidget
    settingsScrollArea: qt.QScrollArea
    settingsContents: qt.QWidget
    bandsGroup: qt.QGroupBox
    goodSpinBox: qt.QDoubleSpinBox
    checkSpinBox: qt.QDoubleSpinBox
    colorsSelector: qt.QComboBox
    legendLabel: qt.QLabel
    behaviorGroup: qt.QGroupBox
    autoScoreCheckBox: qt.QCheckBox
    flagSegmentsCheckBox: qt.QCheckBox
    memoryGroup: qt.QGroupBox
    cacheSpinBox: qt.QSpinBox
    cacheLabel: qt.QLabel
    referencesGroup: qt.QGroupBox
    reviewerEdit: qt.QLineEdit
    learnEverySpinBox: qt.QSpinBox
    referencesLabel: qt.QLabel
    openReferencesButton: qt.QPushButton
    exportReferencesButton: qt.QPushButton
    clearReferencesButton: qt.QPushButton
    weightsGroup: qt.QGroupBox
    weightsLabel: qt.QLabel
    openWeightsButton: qt.QPushButton
    importWeightsButton: qt.QPushButton
    clearWeightsButton: qt.QPushButton
    busyWidget: qt.QWidget
    progressBar: qt.QProgressBar
    progressLabel: qt.QLabel
    cancelButton: qt.QPushButton
    disclaimerLabel: qt.QLabel
