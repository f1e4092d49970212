"""The demo: the main job on a real volume, in a real scene, with reference masks to compare the scores with."""
