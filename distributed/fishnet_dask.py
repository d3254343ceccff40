"""Jobs of Fishnet on Dask: shares of a job file, done by the workers of a cluster, and put together.

    from dask.distributed import Client, LocalCluster
    import fishnet_dask

    with LocalCluster(n_workers=4, threads_per_worker=1) as cluster, Client(cluster) as client:
        fishnet_dask.run(client, 'slope.fishnet.json')

The job file, what it reads and what it writes have the same names on all machines, and each has the program fishnet.
"""
import contextlib
import ctypes
import functools
import os
import platform
import re
import subprocess
import sys
import uuid
import warnings
from concurrent.futures import CancelledError

from dask.distributed import as_completed, get_worker
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

__all__ = ['ShareError', 'plan', 'run']
__version__ = '0.2.0'

SHARES_OF_WORKER = 20  # so that the last ones keep nobody waiting for long, and starting them is not the work
GLANCE = 0.3  # seconds, after which a program is looked after

_TELL = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p)
_GOES_ON = ctypes.CFUNCTYPE(ctypes.c_int)


class ShareError(RuntimeError):
    """A share has failed for good: which one of which job, and why. `share` and `shares` are its numbers."""

    def __init__(self, job, share, shares, cause):
        super().__init__('%s: share %d/%d: %s' % (job, share, shares, cause))
        self.job, self.share, self.shares = job, share, shares


def _started(program, words, goes_on=lambda: True):
    """By a program, which dies with this process: what it says, and what it warns of. RuntimeError: why it has failed."""
    try:
        child = subprocess.Popen([program, '--child-of', str(os.getpid()), *words], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise RuntimeError('the program %s cannot be started on %s: %s' % (program, platform.node(), error)) from error
    with child:
        while True:
            try:
                answer, messages = (text.decode('utf-8', 'replace') for text in child.communicate(timeout=GLANCE))
                break
            except subprocess.TimeoutExpired:
                if not goes_on():
                    child.kill()
    messages = re.sub(r'^(ERROR|Warning) \d+: ', '', messages, flags=re.M).strip()
    if child.returncode != 0:
        raise RuntimeError(messages or 'fishnet ended with status %d and said nothing' % child.returncode)
    return answer, messages


@functools.lru_cache(maxsize=None)
def _module(program):
    """The module that the program finds, in this process: all that the program does is in there."""
    name = _started(program, ['--module'])[0].strip()
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise RuntimeError('%s cannot be loaded by %s: %s. With process=True it need not'
                           % (name, sys.executable, error)) from error


def _within(program, words, goes_on):
    """The same in this process, by the thread that calls and those that it makes."""
    told = []
    tell = _TELL(lambda level, text: told.append((level, text.decode('utf-8', 'replace'))))
    words = (ctypes.c_char_p * (len(words) + 1))(*[os.fsencode(word) for word in words], None)
    failed = _module(program).fishnet_call(words, tell, _GOES_ON(goes_on))
    messages = '\n'.join(text for level, text in told if level)
    if failed:
        raise RuntimeError(messages or 'fishnet said nothing')
    return '', messages


def _is_wanted():
    """In a task: asks whether the scheduler has called it off."""
    worker = get_worker()
    key = worker.get_current_task()

    def ask():
        task = worker.state.tasks.get(key)
        return task is not None and task.state != 'cancelled'
    return ask


def _share(share, program, job, shares, threads, process):
    words = ['run', job, '-q', '--partition', '%d/%d' % (share, shares), '-j', str(threads)]
    return (_started if process else _within)(program, words, _is_wanted())[1]


def plan(job, program='fishnet', *words):
    """What `fishnet plan` says of the job: a dict of texts, such as {'output': 'slope.vrt', 'tiles': '625, 25 columns...'}."""
    lines = _started(program, ['plan', os.fspath(job), *words])[0].splitlines()
    return dict(line.split(': ', 1) for line in lines if ': ' in line)


def _shares_for(told, wanted, workers):
    """As many as are wanted, or so many for each worker; but not more than there are tiles or parts."""
    parts = re.match(r'\d+', told.get('tiles', told.get('parts', '')))
    planned = int(re.match(r'\d+', told['shares']).group())
    number = wanted or max(planned, workers * SHARES_OF_WORKER)
    return max(1, min(number, int(parts.group()) if parts else number))


def _show(done, of):
    print('\rfishnet: [%-50s] %d of %d shares' % ('#' * (50 * done // of), done, of), end='\n' if done == of else '',
          file=sys.stderr, flush=True)


def _check(client, program, job, share, shares, future):
    """What the share warns of; ShareError, if it has failed."""
    try:
        return future.result()
    except KilledWorker as error:
        name = '%d/%d' % (share, shares)
        try:
            what = client.submit(plan, job, program, '--partition', name, pure=False).result()['share ' + name]
        except Exception as unknown:  # it is not known then, and that has its reason, too
            what = str(unknown)
        cause = 'each worker that began it has died, the last one was %s; it is %s' % (error.args[1], what)
        raise ShareError(job, share, shares, cause) from error
    except (CancelledError, CommClosedError) as error:
        cause = 'the scheduler is gone, or has called it off' + (': %s' % error if str(error) else '')
        raise ShareError(job, share, shares, cause) from error
    except Exception as error:
        raise ShareError(job, share, shares, error) from error


def run(client, job, n=None, *, retries=3, threads=1, process=False, progress=_show, program='fishnet'):
    """Runs all shares of the job on the workers of the client, and assembles them. Returns the name of the output.

    n: number of shares; by default 20 for each worker that there is. retries: of a share that has failed; one whose worker dies is begun
    again on another one as often as the scheduler allows. threads: that a share computes with, for each thread of a worker. process:
    each share is a program of its own, which dies with its worker: it costs a quarter of a second, and nothing that happens to it
    happens to the worker; by default shares run in the workers' own processes. progress: called with the numbers of shares that are done
    and of all; None: nobody is told. What a share warns of becomes a warning that names it.

    A share that fails for good raises ShareError, and the others are called off; so does any other exception, such as that of Ctrl-C: those
    at work end with the tile or part that they are at. What is done stays: the next call goes on from there."""
    job = os.path.abspath(job)
    if n is not None and n < 1:
        raise ValueError('n=%r: the number of shares is at least 1' % (n,))
    told = client.submit(plan, job, program, pure=False).result()
    if told.get('tiles', '').startswith('none'):
        raise ValueError('%s: it makes one file, and has no shares' % job)
    workers = sum(info['nthreads'] for info in client.scheduler_info()['workers'].values())
    n = _shares_for(told, n, max(1, workers))
    name = 'fishnet-%s-%s' % (re.sub(r'\W+', '_', job), uuid.uuid4())
    futures = client.map(_share, range(1, n + 1), key=['%s-%d-of-%d' % (name, share, n) for share in range(1, n + 1)], pure=False,
                         retries=retries, program=program, job=job, shares=n, threads=threads, process=process)
    share_of = {future.key: share for share, future in enumerate(futures, 1)}
    try:
        for done, future in enumerate(as_completed(futures), 1):
            text = _check(client, program, job, share_of[future.key], n, future)
            future.release()  # else it would be done again if its worker died
            if text:
                warnings.warn('%s: share %d/%d: %s' % (job, share_of[future.key], n, text), stacklevel=2)
            if progress:
                progress(done, n)
    finally:
        with contextlib.suppress(OSError):  # there is no scheduler any more
            client.cancel(futures, force=True)
    text = client.submit(_started, program, ['assemble', job, '-q'], pure=False).result()[1]
    if text:
        warnings.warn('%s: %s' % (job, text), stacklevel=2)
    return told['output']
