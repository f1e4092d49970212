"""The review in the browser, on trame-slicer: the scene layer and the presenters of the desktop, other widgets.

Never imported by Slicer. `python -m EvanySegSlicerLib.web` starts it; see docs/web.md.
"""
