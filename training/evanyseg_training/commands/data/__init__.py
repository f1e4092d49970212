"""Commands that make data: stores, candidates, shards."""

from .candidates import candidates
from .prepare import prepare
from .scale import scale, shards, throughput

COMMANDS = {"prepare": prepare, "candidates": candidates, "shards": shards, "scale": scale, "throughput": throughput}
