"""What `evanyseg rank` gains: cases chosen to annotate and to trust, beside random ones, entropy and MC dropout."""
