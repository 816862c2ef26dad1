#!/usr/bin/env python3
"""Write ecs-enums.toml anew from the API model of a botocore wheel.

  refresh_enums.py [WHEEL]

Without WHEEL the newest botocore is downloaded with pip. `cargo test knowledge` then names every value that nobody
has decided about yet."""
import gzip, json, pathlib, subprocess, sys, tempfile, zipfile

# The enumerations that decide whether something is a failure, or what kind of record it is.
SHAPES = ['AgentUpdateStatus', 'ContainerInstanceStatus', 'DaemonDeploymentStatus', 'DeploymentLifecycleHookStatus',
          'DeploymentRolloutState', 'HealthStatus', 'LaunchType', 'ServiceDeploymentLifecycleStage',
          'ServiceDeploymentRollbackMonitorsStatus', 'ServiceDeploymentStatus', 'TaskStopCode']
OUT = pathlib.Path(__file__).with_name('ecs-enums.toml')


def model(wheel):
    """The newest API model of ECS in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = max(name for name in archive.namelist() if name.startswith('botocore/data/ecs/') and '/service-2.json' in name)
        data = archive.read(name)
    return json.loads(gzip.decompress(data) if name.endswith('.gz') else data)


def main():
    with tempfile.TemporaryDirectory() as folder:
        wheel = sys.argv[1] if len(sys.argv) > 1 else None
        if wheel is None:
            subprocess.run([sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '-d', folder, 'botocore'], check=True)
            wheel = next(pathlib.Path(folder).glob('botocore-*.whl'))
        shapes = model(wheel)['shapes']
        version = pathlib.Path(wheel).name.split('-')[1]
    lines = [f'# Enumerations of the ECS API, from botocore {version}; made by refresh_enums.py, not by hand.']
    for shape in SHAPES:
        lines.append(f'{shape} = {json.dumps(shapes[shape]["enum"])}')
    OUT.write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
