"""What comes into a scene and what leaves it, as files. No Qt."""
