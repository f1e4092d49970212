"""Reading and writing files: pictures (Pillow), volumes and segmentations (SimpleITK), tables (csv).

Needs the `[cli]` extra (SimpleITK and Pillow); the rest of the engine does not import it.
"""
