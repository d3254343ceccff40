"""What the tests of this folder share: the packages of Debian that use its GDAL, and programs that must end as if we had never been there."""
import glob
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for _folder in ('driver', 'fault'):
    sys.path.insert(0, os.path.join(HERE, '..', _folder))
import processes  # noqa: E402
from common import Case, patience, real  # noqa: E402,F401


def installed(package):
    done = subprocess.run(['dpkg-query', '-W', '-f', '${db:Status-Status}', package], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout == b'installed'


# Versions of Debian that do not have a package; what is newer than these is looked up where apt has its lists.
ABSENT = {'python3-pyogrio': ('bookworm',), 'python3-pyarrow': ('bookworm', 'trixie')}


def exists(package):
    """Whether this version of Debian has it."""
    with open('/etc/os-release') as f:
        release = f.read()
    if any('VERSION_CODENAME=' + name in release for name in ABSENT.get(package, ())):
        return False
    found = subprocess.run(['apt-cache', 'policy', package], stdout=subprocess.PIPE, env=dict(os.environ, LC_ALL='C')).stdout.decode()
    return 'Candidate:' in found or not glob.glob('/var/lib/apt/lists/*Packages*')


def need(*packages):
    """True: all of them are installed. False, and a line that says so: this version of Debian has no such package. An error: it has, but it is
    not installed."""
    for package in packages:
        if installed(package):
            continue
        if exists(package):
            raise AssertionError('The package %s is not installed: apt-get install --no-install-recommends %s' % (package, package))
        print('this version of Debian has no package %s: nothing to test' % package, file=sys.stderr)
        return False
    return True


def end(*command, folder, env=None, timeout=100, status=0):
    """A program from its start to its end, in a session of its own. It must end by itself with that status, and leave no process behind.
    Returns what it printed. `folder` is its home and its current folder."""
    environment = dict(os.environ, HOME=folder, XDG_RUNTIME_DIR=folder, TMPDIR=folder, LC_ALL='C.UTF-8', **(env or {}))
    started = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
                               env=environment, start_new_session=True)
    try:
        out, err = (text.decode('utf-8', 'replace') for text in started.communicate(timeout=patience(timeout)))
    except subprocess.TimeoutExpired:
        started.kill()  # the reading ends only when all that hold the pipe have ended
        raise AssertionError('%s did not end within %d s' % (' '.join(map(str, command)), timeout))
    if started.returncode != status:
        raise AssertionError('%s ended with %d instead of %d:\n%s\n%s' % (' '.join(map(str, command)), started.returncode, status, out[-4000:], err[-4000:]))
    if not processes.until(lambda: not session(started.pid), 3):
        raise AssertionError('%s left processes behind: %s' % (command[0], session(started.pid)))
    return out


def session(leader):
    """Processes of a session, by name."""
    found = []
    for name in os.listdir('/proc'):
        try:
            with open('/proc/%d/stat' % int(name)) as f:
                text = f.read()
        except (ValueError, OSError):
            continue
        words = text[text.rindex(')') + 2:].split()
        if int(words[3]) == leader and words[0] not in 'ZX':
            found.append(text[:text.rindex(')') + 1])
    return found


def answer(text):
    """The last line of a program is JSON."""
    return json.loads(text.strip().split('\n')[-1])


def tree(folder):
    """All files below a folder."""
    return sorted(os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names)
