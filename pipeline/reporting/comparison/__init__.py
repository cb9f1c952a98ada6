"""Counterparts of the paper's Figures 5 to 10: one image of a dataset by every method, and every image's scores."""
