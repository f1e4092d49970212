"""Files that come into the page and leave it."""
