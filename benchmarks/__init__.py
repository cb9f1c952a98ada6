"""How fast the study's parts are beside the usual way of doing the same: `python -m benchmarks <topic>`."""
