# What the rules share: the preset's settings, its folders, and what DVC has to have made.


def chosen_preset():
    """The preset of `--config preset=...`, else the first enabled one; any other key is refused."""
    unknown = sorted(set(config) - {"preset"})
    if unknown:
        raise UserError(
            f"--config {', '.join(unknown)} is not known; there is `preset` (all else: params.yaml)"
        )
    return config.get("preset", params.presets[0])


try:
    params = settings.load()
    PRESET = chosen_preset()
    RUN = params.preset(PRESET).run
except UserError as error:
    exit_with(error)

ABLATION = params.ablation
ABLATIONS = [
    experiment
    for experiment in wanted(params, PRESET)
    if experiment.training_set == ABLATION.data
    and experiment.row in ABLATION.configurations
]
DATA = data_root(PRESET).as_posix()
TABLES = tables_folder(PRESET, "ablations").as_posix()
FIGURES = figures_folder(PRESET, "ablations").as_posix()
SCORES = [
    scores_file(
        data_root(PRESET), ABLATION.data, experiment.row, experiment.seed
    ).as_posix()
    for experiment in ABLATIONS
]
LOGS = f"{DATA}/logs"
# The paper's tables: the results stand beside them.
PAPER = sorted(file.as_posix() for file in Path("reports", "paper").glob("*.csv"))
LAUNCH = (
    "python"
    if RUN.processes == 1
    else f"torchrun --standalone --nproc-per-node {RUN.processes}"
)


def gpus(_):
    """How many GPUs a training takes: whole ones, where it will run on them.

    On a CPU the cores alone decide what runs side by side. Where jobs go to other machines, `run.device: auto` is
    taken to find a GPU there; on a cluster without any, set it to cpu.
    """
    found = workflow.non_local_exec or gpu_count() > 0
    on_gpu = RUN.device == "cuda" or (RUN.device == "auto" and found)
    return RUN.processes if on_gpu else 0


def by_dvc(path, stage):
    """An input that DVC makes: its age says nothing (a checkout renews it), its content is in the fingerprint."""

    def existing(_):
        if not Path(path).exists():
            raise WorkflowError(
                f"{path} is missing. Make it first: dvc repro --glob '{stage}@{PRESET}*'"
            )
        return ancient(path)

    return existing


def finished(experiment):
    """The file that says that an experiment is finished, as params.yaml has it now."""
    for path, stage in (
        (f"{DATA}/packs/{experiment.training_set}/index.json", "pack"),
        (f"{DATA}/weights/perceptual.json", "features"),
    ):
        by_dvc(path, stage)(None)
    return ancient(marker(plan(params, PRESET, experiment)[-1]).as_posix())


def judged_by():
    """Content hashes of the test images' manifest and of the networks trained by others, the metrics' among them."""
    split = sha256(data_root(PRESET) / "splits" / f"{ABLATION.data}.csv")
    weights = {
        name: read_json(pretrained_folder(PRESET, name) / "weights.json")["sha256"]
        for name in params.weights(PRESET)
    }
    return {"split": split} | weights


def shown():
    """The settings that stand in the tables and in the figure, or decide about their rows."""
    preset = params.preset(PRESET)
    return {
        "label": preset.label,
        "seeds": preset.seeds,
        "data": preset.dataset(ABLATION.data).model_dump(mode="json"),
        "ablation": ABLATION.model_dump(mode="json"),
        "configurations": {
            name: params.configuration(name).model_dump(mode="json")
            for name in ABLATION.configurations
        },
    }


def trunk_of_row(wildcards):
    """The finished trunk, for a row that starts from it."""
    starts = any(
        "trunk" in phase.inputs
        for phase in settings.phases(params, PRESET, wildcards.row).values()
    )
    return finished(trunk_of(params, PRESET, wildcards.data)) if starts else []
