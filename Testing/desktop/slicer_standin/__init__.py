"""A stand-in for desktop Slicer: PySide6 dressed as PythonQt, around the real slicer-core scene and slice views.

It lets the tests load the module, its .ui file and its Segment Editor effect, and click and type as a user does, with
no Slicer, no display and no GPU. What it cannot prove (PythonQt ownership and enum scoping, the real qMRML widgets) is
said in docs/desktop-testing.md.
"""
