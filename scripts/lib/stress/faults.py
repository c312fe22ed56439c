"""What breaks while gifts are made, and how it is mended. Commands of the operator's."""

import subprocess


class Fault:
    def __init__(self, name, at, command):
        self.name, self.at, self.command = name, at, command


def of(options):
    """In order of when they happen: at which share of the gifts."""
    if options.compose:
        compose = "docker compose"
        plan = [(0.25, "a replica is killed", f"{compose} kill app-2"),
                (0.45, "it is started again", f"{compose} start app-2"),
                (0.60, "Redis is stopped", f"{compose} stop -t 1 redis"),
                (0.80, "it is started again", f"{compose} start redis")]
    else:
        plan = [(0.25, "a replica is killed", options.kill),
                (0.45, "it is started again", options.revive),
                (0.60, "Redis is stopped", options.redis_stop),
                (0.80, "it is started again", options.redis_start)]
    return [Fault(name, at, command) for at, name, command in plan if command]


def inject(fault):
    """Runs the command; a stack that cannot be broken is no proof."""
    done = subprocess.run(fault.command, shell=True, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"{fault.command}: {done.stderr.strip() or done.returncode}")
