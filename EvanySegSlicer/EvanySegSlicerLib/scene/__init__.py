"""The scene layer: MRML and VTK, no Qt. Runs in desktop Slicer, in slicer-core and in the web front end.

Importing this package costs nothing; its modules import slicer and vtk inside functions.
"""
