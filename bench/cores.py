"""What a job would take on other numbers of cores: a model of events, since 64 are not at hand. cores_run.py feeds it with measured costs.

Workers take tasks in order, read if the input has one reader, compute, and hand results over; the host's thread takes these one after the other,
in the order of the tasks; the budget holds so many results at a time. All threads share the cores. What a machine has one of beyond that - the
bandwidth of its memory, a disk, a lock of the kernel - is not in it.
"""
import heapq
from dataclasses import dataclass, field, replace

HOST = 1.25  # the weight of the host's thread where there are more threads than cores: workers run one step nicer


@dataclass(frozen=True)
class Job:
    """CPU seconds, but where it says otherwise."""

    tasks: list  # of each task, in its worker
    host: float = 0  # of the host's thread, for each result
    read: float = 0  # of the one reader, for each task, before it computes; 0: each worker has a handle of its own
    after: float = 0  # of the host's own threads for each result, as many as workers, when the host's thread has taken it
    lock: float = 0  # for which the scheduler's lock is held, for each task
    serial: float = 0  # once, of one thread alone: the program's start, opening, closing
    threads: int = 1  # of each worker, of which `tasks` has the work of each
    shared: float = 0  # once, before the first task, by all workers together: trees of a near side
    ahead: object = field(default=lambda workers: 4 * workers)  # results that there is memory for, those being computed among them

    def times(self, n):
        """The same with n times as many tasks."""
        return replace(self, tasks=self.tasks * n)


class Cores:
    """Threads that share cores. Workers all run at one speed, so one heap of what they have left is enough: in seconds of `at`, which is
    what each of them has had so far."""

    def __init__(self, cores):
        self.cores, self.now, self.at = cores, 0.0, 0.0
        self.running, self.number = [], 0
        self.host = None  # CPU seconds that it has left

    def run(self, seconds, what):
        self.number += 1
        heapq.heappush(self.running, (self.at + seconds, self.number, what))

    def speeds(self):
        workers = len(self.running)
        if self.host is None:
            return min(1.0, self.cores / max(workers, 1)), 0.0
        host = min(1.0, self.cores * HOST / (HOST + workers))
        return min(1.0, (self.cores - host) / max(workers, 1)), host

    def next(self):
        """Goes on to the next thread that is done: its `what`; "host"; None where none runs."""
        speed, host = self.speeds()
        mine = self.host / host if self.host is not None else None
        theirs = (self.running[0][0] - self.at) / speed if self.running else None
        if mine is None and theirs is None:
            return None
        if theirs is None or (mine is not None and mine <= theirs):
            self.now += mine
            self.at += mine * speed
            self.host = None
            return "host"
        self.now += theirs
        if self.host is not None:
            self.host -= theirs * host
        self.at = self.running[0][0]
        return heapq.heappop(self.running)[2]


class Run:
    def __init__(self, job, workers, cores):
        self.job, self.cores = job, Cores(cores)
        workers *= job.threads
        self.ahead = max(1, job.ahead(workers))
        self.next = self.turn = self.taken = 0  # the task to begin, the one that may read, the results that the host has taken
        self.idle, self.writers = workers, workers
        self.done, self.waiting, self.queue = set(), set(), 0

    def go_on(self):
        """Starts what can be started."""
        job = self.job
        while self.idle and self.next < len(job.tasks) and self.next - self.taken < self.ahead:
            self.idle -= 1
            self.waiting.add(self.next)
            if not job.read:
                self.turn_ends(self.next)
            self.next += 1
        if job.read and self.turn in self.waiting:
            self.waiting.remove(self.turn)
            self.cores.run(job.read, ("read", self.turn))
        while self.queue and self.writers:
            self.queue -= 1
            self.writers -= 1
            self.cores.run(job.after, ("after", None))
        if self.cores.host is None and self.taken in self.done:
            self.cores.host = job.host

    def turn_ends(self, task):
        self.waiting.discard(task)
        self.cores.run(self.job.tasks[task], ("task", task))

    def seconds(self):
        self.go_on()
        while (event := self.cores.next()) is not None:
            if event == "host":
                self.done.remove(self.taken)
                self.taken += 1
                self.queue += self.job.after > 0
            elif event[0] == "read":
                self.turn += 1
                self.turn_ends(event[1])
            elif event[0] == "task":
                self.idle += 1
                self.done.add(event[1])
            else:
                self.writers += 1
            self.go_on()
        return self.cores.now


def seconds(job, workers, cores):
    """Wall clock time of the job."""
    locks = job.lock * len(job.tasks)  # one thread after the other: what all take together is a floor
    return job.serial / min(1, cores) + job.shared / min(workers, cores) + max(Run(job, workers, cores).seconds(), locks)


def faster(job, cores, workers=None):
    """How many times faster than on one core with one worker."""
    return seconds(job, 1, 1) / seconds(job, workers or cores, cores)
