"""Finding and ending worker processes from outside, for the tests of this folder."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from patience import patience  # noqa: E402


def stat(process):
    """(name, state, parent, CPU ticks), or None: there is no such process."""
    try:
        with open('/proc/%d/stat' % process) as f:
            text = f.read()
    except OSError:
        return None
    end = text.rindex(')')
    words = text[end + 2:].split()
    return text[text.index('(') + 1:end], words[0], int(words[1]), int(words[11]) + int(words[12])


def children(parent):
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit():
            s = stat(int(name))
            if s and s[2] == parent and s[1] not in 'ZX':
                found.append(int(name))
    return found


def helpers(host=None):
    """Helper processes of a host."""
    return [p for p in children(host or os.getpid()) if (stat(p) or ('',))[0] == 'fishnet-worker']


def workers(host=None):
    return [w for helper in helpers(host) for w in children(helper)]


def zombies(host=None):
    found = []
    for name in os.listdir('/proc'):
        s = stat(int(name)) if name.isdigit() else None
        if s and s[2] == (host or os.getpid()) and s[1] == 'Z' and s[0] == 'fishnet-worker':
            found.append(int(name))
    return found


def alive(processes):
    return [p for p in processes if (stat(p) or ('', 'Z'))[1] not in 'ZX']


def until(condition, seconds):
    end = time.monotonic() + patience(seconds)
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    return condition()


def send(process, number):
    try:
        os.kill(process, number)
        return True
    except ProcessLookupError:
        return False


def shared_memory(process='self'):
    """Descriptors of memory without a name that a process holds, and what is in /dev/shm."""
    folder, found = '/proc/%s/fd' % process, []
    for name in os.listdir(folder):
        try:
            target = os.readlink(os.path.join(folder, name))
        except OSError:
            continue
        if 'memfd' in target:
            found.append(target)
    if os.path.isdir('/dev/shm'):
        found += [name for name in os.listdir('/dev/shm') if 'fishnet' in name]
    return found


KILL, SEGMENT, STOP = signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP
