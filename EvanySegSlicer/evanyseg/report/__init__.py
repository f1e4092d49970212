"""The report: one HTML file that needs nothing else, with numbers, images and what they were made with."""
