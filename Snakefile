# The fan-out: every training of the study is a job of this file. `snakemake experiments` runs all that are missing,
# `snakemake ablations` those of Tables V and VI and then the tables, `snakemake realsr_full_seed1` a single one;
# `--config preset=paper` takes another preset than the first enabled one.
#
# A finished training has a file in its model's folder that is named by its fingerprint: by the settings, inputs and
# code that it depends on. So content alone decides what is missing, not the age of files nor what ran here before.
# Packs and features are DVC's; this file never makes them, and both call the same stage commands.
from pathlib import Path

from snakemake.exceptions import WorkflowError

from pipeline import settings
from pipeline.code import code_hash
from pipeline.environment import gpu_count
from pipeline.errors import UserError, exit_with
from pipeline.files import read_json, sha256
from pipeline.paths import (
    data_root,
    figures_folder,
    pretrained_folder,
    scores_file,
    tables_folder,
)
from pipeline.training.experiment import marker, plan, trunk_of, wanted


# The stages set up their own environment from requirements.lock; this image only names the Python they run on.
container: "docker://python:3.12"


include: "rules/common.smk"


wildcard_constraints:
    data="|".join(params.study.training_sets),
    row=r"\w+",
    seed=r"\d+",
    fingerprint="[0-9a-f]{12}",


localrules:
    experiments,
    ablations,
    ablation_tables,
    ablation_figures,


rule experiments:
    input:
        lambda _: [finished(experiment) for experiment in wanted(params, PRESET)],


rule ablations:
    default_target: True
    input:
        expand(f"{TABLES}/table_{{number}}.csv", number=[5, 6]),
        expand(f"{FIGURES}/figure_1.{{format}}", format=["svg", "png"]),


rule train:
    input:
        trunk_of_row,
    output:
        f"{DATA}/models/{{data}}/{{row}}/seed{{seed}}/{{fingerprint}}.done",
    log:
        f"{LOGS}/{{data}}-{{row}}-seed{{seed}}-{{fingerprint}}.log",
    benchmark:
        f"{LOGS}/{{data}}-{{row}}-seed{{seed}}-{{fingerprint}}.tsv"
    threads: RUN.threads * RUN.processes
    resources:
        gpu=gpus,
    params:
        preset=PRESET,
    message:
        "train {wildcards.row} on {wildcards.data}, seed {wildcards.seed}"
    shell:
        f"{LAUNCH} -m stages.train"
        " --preset {params.preset} --data {wildcards.data}"
        " --row {wildcards.row} --seed {wildcards.seed} 2> {log}"


# Every training by its name, e.g. `snakemake realsr_full_seed1`.
for experiment in wanted(params, PRESET):

    rule:
        name:
            f"{experiment.training_set}_{experiment.row}_seed{experiment.seed}"
        input:
            lambda _, experiment=experiment: finished(experiment),
        localrule: True


rule evaluate:
    input:
        [
            by_dvc(f"{DATA}/pretrained/{name}/weights.safetensors", "weights")
            for name in params.weights(PRESET)
        ],
        lambda _: [finished(experiment) for experiment in ABLATIONS],
        split=by_dvc(f"{DATA}/splits/{ABLATION.data}.csv", "split"),
    output:
        # Restored images are not named here: the stage knows which of them are still good, and Snakemake removes
        # the outputs of a rule before it runs.
        SCORES,
    log:
        f"{LOGS}/evaluate-{ABLATION.data}.log",
    threads: RUN.threads
    params:
        preset=PRESET,
        data=ABLATION.data,
        rows=" ".join(ABLATION.configurations),
        restoration=params.preset(PRESET).restore.model_dump(mode="json"),
        protocol=params.protocol.model_dump(mode="json"),
        run={"device": RUN.device, "threads": RUN.threads},
        inputs=lambda wildcards: judged_by(),
        code=code_hash("stages.evaluate"),
    message:
        "evaluate the rows of Tables V and VI"
    shell:
        "python -m stages.evaluate --preset {params.preset} --dataset {params.data} --rows {params.rows} 2> {log}"


rule ablation_tables:
    input:
        PAPER,
        SCORES,
    output:
        report(
            expand(f"{TABLES}/table_{{number}}.csv", number=[5, 6]),
            category="Tables",
            labels={"tables": "V and VI"},
        ),
    log:
        f"{LOGS}/tables.log",
    params:
        preset=PRESET,
        settings=shown(),
        code=code_hash("stages.tabulate"),
    message:
        "Tables V and VI"
    shell:
        "python -m stages.tabulate --preset {params.preset} --group ablations 2> {log}"


rule ablation_figures:
    input:
        PAPER,
        lambda _: [finished(experiment) for experiment in ABLATIONS],
    output:
        report(
            f"{FIGURES}/figure_1.svg",
            category="Figures",
            labels={"figure": "1, convergence"},
        ),
        f"{FIGURES}/figure_1.png",
    log:
        f"{LOGS}/figures.log",
    params:
        preset=PRESET,
        settings=shown(),
        code=code_hash("stages.illustrate"),
    message:
        "Figure 1, convergence"
    shell:
        "python -m stages.illustrate --preset {params.preset} --group ablations 2> {log}"
