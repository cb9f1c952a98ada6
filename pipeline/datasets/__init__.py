"""The datasets: where they come from, how their files lie, who may train on what, and how they are read.

A *collection* is something published (`registry.yaml`: places, checksums, licence, layout). A *dataset* of the
study, such as `realsr`, is composed of parts of collections by params.yaml (`settings.Composition`).

    obtain -> layouts -> splits -> pools -> pairs -> packs

To add a collection: an entry of `registry.yaml`, and a line of `<preset>.datasets` in params.yaml for each of its
parts that a dataset takes.
"""
