"""What a driver is, ../driver.js says."""

import json
import os
import sys
import time

TLS_CA = os.environ.get("TLS_CA")
USER = os.environ.get("SASL_USER")
PASSWORD = os.environ.get("SASL_PASSWORD")


class Missing(Exception):
    """What a client has not got."""


def drive(version, actions):
    """Runs the action of the command line."""
    if sys.argv[1] == "version":
        tell({"version": version})
    address, action, argument = (sys.argv[1:] + [""])[:3]
    started = time.perf_counter()
    try:
        if action not in actions:
            raise Missing(f"has no {action}")
        told = actions[action](address, argument) or {}
    except Missing as missing:
        tell({"missing": str(missing)})
    except Exception as error:
        tell({"failed": f"{type(error).__name__}: {error}"})
    tell({**told, "ms": (time.perf_counter() - started) * 1000})


def tell(told):
    print(json.dumps(told), flush=True)
    # Not exit(): threads of a client that hangs are not waited for.
    os._exit(0)


def values(count):
    """What is written and read back to try compression and connections."""
    return [f"value {i} " * 10 for i in range(count)]


def is_shared(assignments):
    """Whether each member has as many of the six partitions as the others."""
    return len({len(each) for each in assignments}) == 1 and sum(map(len, assignments)) == 6


def classic_only(protocol):
    if protocol != "classic":
        raise Missing("has no KIP-848 groups")
