"""Limits of time that hold on a machine that others use, too, and in programs that are slowed down."""
import os


def patience(seconds):
    """As long as that on an idle machine; longer by what its processors are asked for beyond what they can do, and where a sanitizer looks on."""
    with open('/proc/loadavg') as file:
        load = file.read().split()
    wanted = max(float(load[0]), float(load[3].split('/')[0]))  # of the last minute, and now
    slow = 3 if 'san' in os.environ.get('LD_PRELOAD', '') else 1
    return seconds * slow * max(1, wanted / len(os.sched_getaffinity(0)))
