"""What one run costs and where, from a timeline (FISHNET_TRACE, docs/FISHNET.md): the part that only one thread does, and what stands still."""
import json
import os
import tempfile
import time

from run import Run

UNIT = 1e-6  # of a timeline


class Timeline:
    """Seconds. tasks: (begin, duration, CPU or None) in their order; begin: of CLOCK_MONOTONIC, as time.monotonic() has it."""

    def __init__(self, text):
        if not text.rstrip().endswith("]"):  # a program that was killed leaves it open
            text += "]"
        events = json.loads(text)
        tasks = [event for event in events if event.get("cat") == "task"]
        waits = [event for event in events if event["name"] == "wait"]
        closed = [event["args"] for event in events if event["name"] == "closed"]
        self.tasks = sorted((event["ts"] * UNIT, event["dur"] * UNIT, event["tdur"] * UNIT if "tdur" in event else None) for event in tasks)
        self.names = [event["name"] for event in tasks]
        self.busy = sum(event["dur"] for event in tasks) * UNIT  # of all workers, in tasks
        self.stood = sum(max(0, event["dur"] - event["tdur"] - event["args"]["queued"]) for event in tasks
                         if "tdur" in event and "queued" in event["args"]) * UNIT  # in tasks, without a CPU and without the wish for one
        self.waited = sum(event["dur"] for event in waits) * UNIT  # the reader, for results
        self.locks = sum(args["locks"] for args in closed) * UNIT  # all threads, for the lock of a scheduler
        self.one_reader = sum(event.get("args", {}).get("serial", 0) for event in tasks) * UNIT  # CPU of tasks that read from one handle in turn
        self.reader = sum(args.get("cpu", 0) for args in closed) * UNIT  # CPU of the reader's thread, from its first read to the close

    @property
    def cpu(self):
        """Of all tasks; None where worker processes have computed."""
        known = [cpu for _, _, cpu in self.tasks]
        return None if None in known else sum(known)


class TracedRun(Run):
    """A run with its timeline. before: seconds until its first task."""

    def __init__(self, command):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "trace.json")
            start = time.monotonic()
            super().__init__(command, {**os.environ, "FISHNET_TRACE": path})
            text = "[]"
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    text = file.read()
        self.timeline = Timeline(text)
        self.before = self.timeline.tasks[0][0] - start if self.timeline.tasks else self.wall

    @property
    def serial(self):
        """The share of its CPU time that the host's thread takes, which is also the one writer: it ends at 1 / serial times one core."""
        return self.first_thread / self.cpu

    @property
    def standing(self):
        """The share of the workers' time in which they stand still: for the scheduler's lock, or in a task for another lock or a disk."""
        return (self.timeline.locks + self.timeline.stood) / max(self.timeline.busy, 1e-9)


HEAD = ["host's thread / CPU", "one reader / CPU", "locks / workers' time", "at most, x one core"]
EMPTY = [""] * len(HEAD)


def cells_of(traced):
    """Of a TracedRun, under HEAD."""
    shares = [traced.serial, traced.timeline.one_reader / traced.cpu, traced.standing]
    return [*(f"{100 * share:.1f} %" for share in shares), f"{1 / max(shares[:2]):.0f}"]


ABOUT = "host's thread / CPU: what the program's first thread, which is also the one that writes, takes of all CPU seconds, from its start to its end; one reader / CPU: what reading a layer takes, where one worker at a time can; " \
    "locks / workers' time: how long workers wait for the scheduler's lock, or in a task for any other lock or a disk; at most: where the first two end it, however many cores"
