"""Reading and writing files: 2D images (Pillow), volumes and segmentations (SimpleITK), tables (csv).

Needs the `[cli]` extra (SimpleITK and Pillow); the rest of the engine does not import it.
"""
