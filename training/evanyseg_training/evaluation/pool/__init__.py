"""The selection pool: several segmenters' masks for the same prompt, and how well a method picks the best."""
