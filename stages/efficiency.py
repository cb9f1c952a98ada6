"""Stage `efficiency`: parameters, MACs and time of the networks of Table VII, on this machine."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import data_root


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    arguments = parser.parse_args()
    preset = settings.load().preset(arguments.preset)

    import torch

    from pipeline.evaluation.efficiency import measure, networks
    from pipeline.networks.devices import device_named

    device = torch.device(device_named(preset.run.device))
    folder = data_root(arguments.preset) / "efficiency"
    measure(networks(preset.network), preset.efficiency, device, folder, preset.run.threads)


if __name__ == "__main__":
    entry_point(main)
