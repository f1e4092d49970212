"""The report: one HTML file that needs nothing else, with numbers, pictures and what they were made with."""
