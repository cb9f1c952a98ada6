"""One file a stage of dvc.yaml: read settings, call `pipeline`, write outputs whole."""
