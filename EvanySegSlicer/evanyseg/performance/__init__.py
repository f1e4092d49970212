"""How good is a model on data that nobody labelled? Model-level estimates over its checkpoints (SPE, arXiv 2504.15667).

Each checkpoint's predictions teach a segmenter in reverse: it is fitted on images with those predictions and segments
the labelled training images, where its masks can be measured. A line over checkpoints (G) leads from that pseudo
metric to the real one, known on labelled images; with it the unlabelled images' pseudo metric becomes an estimate of
the real one.
"""
