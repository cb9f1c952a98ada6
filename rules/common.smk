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
    SEEDS = params.preset(PRESET).seeds
    START = params.preset(PRESET).training.start
except UserError as error:
    exit_with(error)

ABLATION = params.ablation
DATA = data_root(PRESET).as_posix()
TABLES = tables_folder(PRESET, "ablations").as_posix()
FIGURES = figures_folder(PRESET, "ablations").as_posix()
SEED = results_root(PRESET, 0).as_posix().removesuffix("0") + "{seed}"
MODEL = f"{SEED}/models/{ABLATION.data}/{{configuration}}"
SCORES = f"{SEED}/scores/{ABLATION.data}"
JUDGES = sorted(
    {name for metric in params.protocol.metrics for name in METRICS[metric].weights}
)
LOGS = f"{DATA}/ablations/logs"
# The paper's tables: the results stand beside them.
PAPER = sorted(file.as_posix() for file in Path("reports", "paper").glob("*.csv"))
# A training takes a whole GPU, where it will run on one; on a CPU the cores alone decide what runs side by side.
GPUS = int(RUN.device == "cuda" or (RUN.device == "auto" and gpu_count() > 0))


def by_dvc(path, stage):
    """An input that DVC makes: its age says nothing (a checkout renews it), its content is in the fingerprint."""

    def existing(wildcards):
        if not Path(path).exists():
            raise WorkflowError(
                f"{path} is missing. Make it first: dvc repro --glob '{stage}@{PRESET}*'"
            )
        return ancient(path)

    return existing


def fingerprint(configuration, seed):
    """Of the experiment; changes when and only when the training has to run again."""
    hashes = input_hashes(data_root(PRESET), ABLATION.data, START)
    return experiment(
        params,
        PRESET,
        ABLATION.data,
        configuration,
        seed=seed,
        device=RUN.device,
        inputs=hashes,
    ).fingerprint


def judged_by():
    """Content hashes of the test images' manifest and of the weights that the metrics judge with."""
    split = sha256(data_root(PRESET) / "splits" / f"{ABLATION.data}.csv")
    weights = {
        name: read_json(pretrained_folder(PRESET, name) / "weights.json")["sha256"]
        for name in JUDGES
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
