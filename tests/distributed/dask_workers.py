"""Workers of Dask that may be killed at any time: without the nanny, which does not always start one again that dies young."""
import asyncio
import multiprocessing
import os
import signal

from distributed import Worker

CONTEXT = multiprocessing.get_context('forkserver')
CONTEXT.set_forkserver_preload(['__main__', 'dask_workers', 'fishnet_dask'])  # found by PYTHONPATH


async def _work(address, threads):
    async with Worker(address, name=os.getpid(), nthreads=threads, memory_limit=0, death_timeout=60) as worker:
        await worker.finished()


def _begin(address, threads):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_work(address, threads))


class Workers:
    """So many processes at work for a cluster's scheduler. One that is killed is replaced."""

    def __init__(self, cluster, count, threads):
        self.cluster, self.threads, self.processes = cluster, threads, []
        for _ in range(count):
            self.start()

    def start(self):
        process = CONTEXT.Process(target=_begin, args=(self.cluster.scheduler_address, self.threads))
        process.start()
        self.processes.append(process)

    def busy(self, prefix=''):
        """Process numbers of those that have a task with such a key."""
        names = {state.name for state in list(self.cluster.scheduler.workers.values()) if any(str(task.key).startswith(prefix) for task in list(state.processing))}
        return [process.pid for process in self.processes if process.pid in names]

    def kill(self, pid):
        process = next(process for process in self.processes if process.pid == pid)
        os.kill(pid, signal.SIGKILL)  # it is there until it is joined
        process.join()
        self.processes.remove(process)
        self.start()

    def close(self):
        for process in self.processes:
            process.kill()
            process.join()
