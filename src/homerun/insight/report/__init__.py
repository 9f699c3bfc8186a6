"""All questions asked once, on one page."""
