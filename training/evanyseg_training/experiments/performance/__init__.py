"""SPE's own experiment, small: checkpoints of a small U-Net, estimated on images whose labels are kept back."""
