"""Commands that run on and on for others."""
