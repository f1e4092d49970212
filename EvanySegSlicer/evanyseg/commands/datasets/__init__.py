"""Commands about whole data sets."""
