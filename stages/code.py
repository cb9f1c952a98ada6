"""Stage of stages/dvc.yaml: the hashes of the code that a stage of dvc.yaml runs, on which that stage depends."""

from argparse import ArgumentParser

import yaml

from pipeline import deps
from pipeline.code import ROOT, hashes
from pipeline.errors import UserError, entry_point
from pipeline.files import write_json
from pipeline.paths import code_record


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True, choices=deps.stages(ROOT))
    stage = parser.parse_args().stage
    files = deps.code_of(stage, ROOT)
    listed = yaml.safe_load((ROOT / deps.GRAPH).read_text(encoding="utf-8"))["stages"][stage]["deps"]
    if files != listed:
        raise UserError(f"the imports of the stage {stage} are not those that {deps.GRAPH} lists. Run `make deps`.")
    write_json(code_record(stage), hashes(files))


if __name__ == "__main__":
    entry_point(main)
