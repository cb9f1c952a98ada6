"""The datasets: where they come from, how their files lie, who may train on what, and how they are read.

To add a dataset: name it in `settings.Dataset` and `settings.SCALES`, say where it comes from in `sources`, how
its official files are named in `layouts`, and which images have which role in `splits`. `packs` needs a change
only when its training pairs are not simply the pairs it ships.
"""
