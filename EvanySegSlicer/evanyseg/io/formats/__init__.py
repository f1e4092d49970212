"""One file format a module, each read whole or refused in words."""
