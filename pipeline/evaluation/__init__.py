"""The authors' evaluation protocol: restored images, their metrics, one row an image."""
