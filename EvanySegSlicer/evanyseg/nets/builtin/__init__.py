"""The built-in networks: their blocks, and what runs them (torch, onnxruntime) behind arrays."""
