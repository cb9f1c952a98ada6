# The fan-out over configurations and seeds: Tables V and VI. `snakemake ablations`; `--config preset=paper`.
# Packs, trunks and features are DVC's; this file never rebuilds them, it only calls the same stage commands.
from pathlib import Path

from snakemake.exceptions import WorkflowError

from pipeline import settings
from pipeline.code import code_hash
from pipeline.environment import gpu_count
from pipeline.errors import UserError, exit_with
from pipeline.evaluation.metrics import METRICS
from pipeline.files import read_json, sha256
from pipeline.paths import (
    data_root,
    figures_folder,
    pretrained_folder,
    results_root,
    tables_folder,
)
from pipeline.training.experiment import experiment, input_hashes


# The stages set up their own environment from requirements.lock; this image only names the Python they run on.
container: "docker://python:3.12"


include: "rules/common.smk"


wildcard_constraints:
    seed=r"\d+",
    configuration="|".join(ABLATION.configurations),


localrules:
    ablations,
    ablation_tables,
    ablation_figures,


rule ablations:
    default_target: True
    input:
        expand(f"{TABLES}/table_{{number}}.csv", number=[5, 6]),
        expand(f"{FIGURES}/figure_1.{{format}}", format=["svg", "png"]),


rule train:
    input:
        pack=by_dvc(f"{DATA}/packs/{ABLATION.data}/index.json", "pack"),
        trunk=(
            by_dvc(
                f"{DATA}/models/{ABLATION.data}/trunk/generator.safetensors", "trunk"
            )
            if START == "trunk"
            else []
        ),
        perceptual=by_dvc(f"{DATA}/weights/perceptual.json", "features"),
    output:
        f"{MODEL}/generator.safetensors",
        f"{MODEL}/model.json",
        f"{MODEL}/history.jsonl",
    log:
        f"{LOGS}/train-{{configuration}}-seed{{seed}}.log",
    benchmark:
        f"{LOGS}/train-{{configuration}}-seed{{seed}}.tsv"
    threads: RUN.threads
    resources:
        gpu=GPUS,
    params:
        preset=PRESET,
        data=ABLATION.data,
        # Every setting, input hash and source file that the weights depend on: it decides about training again.
        fingerprint=lambda wildcards: fingerprint(
            wildcards.configuration, int(wildcards.seed)
        ),
        # The stage does more than train: it exports, from a finished training in seconds.
        code=code_hash("stages.train"),
    message:
        "train {wildcards.configuration}, seed {wildcards.seed}"
    shell:
        "python -m stages.train --preset {params.preset} --data {params.data}"
        " --configuration {wildcards.configuration} --seed {wildcards.seed} 2> {log}"


rule evaluate:
    input:
        [
            by_dvc(f"{DATA}/pretrained/{name}/weights.safetensors", "weights")
            for name in JUDGES
        ],
        expand(
            [f"{MODEL}/model.json", f"{MODEL}/generator.safetensors"],
            configuration=ABLATION.configurations,
            allow_missing=True,
        ),
        split=by_dvc(f"{DATA}/splits/{ABLATION.data}.csv", "split"),
    output:
        # Restored images are not named here: the stage knows which of them are still good, and Snakemake removes
        # the outputs of a rule before it runs.
        expand(
            f"{SCORES}/{{configuration}}.csv",
            configuration=ABLATION.configurations,
            allow_missing=True,
        ),
    log:
        f"{LOGS}/evaluate-seed{{seed}}.log",
    threads: RUN.threads
    params:
        preset=PRESET,
        data=ABLATION.data,
        restoration=params.preset(PRESET).restore.model_dump(mode="json"),
        protocol=params.protocol.model_dump(mode="json"),
        run={"device": RUN.device, "threads": RUN.threads},
        inputs=lambda wildcards: judged_by(),
        code=code_hash("stages.evaluate"),
    message:
        "evaluate seed {wildcards.seed}"
    shell:
        "python -m stages.evaluate --preset {params.preset} --dataset {params.data} --seed {wildcards.seed} 2> {log}"


rule ablation_tables:
    input:
        PAPER,
        expand(
            f"{SCORES}/{{configuration}}.csv",
            configuration=ABLATION.configurations,
            seed=SEEDS,
        ),
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
        expand(
            f"{MODEL}/history.jsonl",
            configuration=ABLATION.configurations,
            seed=SEEDS,
        ),
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
