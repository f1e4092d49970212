"""A GPU server as one more device: a segmenter and an estimator whose networks run elsewhere.

Standard library and safetensors only. What is sent: pixels as models see them (8 bits, no spacing, no names, no tags),
prompts and masks; see `docs/server.md`.
"""
