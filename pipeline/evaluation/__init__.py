"""The authors' evaluation protocol: restored images, their metrics, one row an image."""

CODE = ("evaluation", "methods", "networks", "degradations/bicubic.py", "datasets")
"""What restores and scores, under pipeline/."""
