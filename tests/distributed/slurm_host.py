"""Slurm on this host alone, for a test: munged, slurmctld and slurmd with a configuration, ports and a key of their own, in one folder."""
import getpass
import os
import re
import shutil
import socket
import subprocess
import time

PROGRAMS = ('munged', 'munge', 'slurmctld', 'slurmd', 'sbatch', 'scontrol')
CONFIGURATION = '''ClusterName=fishnet
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=20000
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=node Default=YES MaxTime=10 State=UP
'''


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(('127.0.0.1', 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def why_not():
    """What this host lacks, or nothing."""
    missing = [name for name in PROGRAMS if not find(name)]
    return 'there is no program %s: install slurm-wlm and munge' % ', '.join(missing) if missing else None


def find(name):
    return shutil.which(name, path=os.environ['PATH'] + ':/usr/sbin:/sbin')


class SlurmHost:
    """`env` is what its commands need. One node, which has as many CPUs as it is told."""

    def __init__(self, folder, cpus):
        self.folder, self.processes = folder, []
        self.env = dict(os.environ, SLURM_CONF=os.path.join(folder, 'slurm.conf'))
        for name in ('munge', 'state', 'spool'):
            os.makedirs(os.path.join(folder, name), mode=0o755)
        with open(os.open(self.at('munge/key'), os.O_WRONLY | os.O_CREAT, 0o400), 'wb') as file:
            file.write(os.urandom(128))
        with open(self.at('slurm.conf'), 'w') as file:
            file.write(CONFIGURATION.format(host=socket.gethostname().split('.')[0], user=getpass.getuser(), folder=folder, ports=free_ports(2), cpus=cpus))

    def at(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        """Why it does not run on this host, or nothing."""
        self.spawn('munged', '--foreground', '--force', *('--%s=%s' % (option, self.at('munge/' + name)) for option, name in (
            ('socket', 'socket'), ('key-file', 'key'), ('log-file', 'log'), ('pid-file', 'pid'), ('seed-file', 'seed'))))
        return (self.wait('munged', lambda: os.path.exists(self.at('munge/socket'))) or
                self.spawn('slurmctld', '-D', '-c') or self.wait('slurmctld', lambda: 'UP' in self.ask('scontrol', 'ping')) or
                self.spawn('slurmd', '-D', '-N', 'node') or self.wait('slurmd', lambda: 'State=IDLE' in self.ask('scontrol', 'show', 'node')))

    def spawn(self, name, *options):
        with open(self.at(name + '.out'), 'w') as out:
            self.processes.append(subprocess.Popen([find(name), *options], env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out))

    def wait(self, name, ready):
        end = time.monotonic() + 30
        while not ready():
            if self.processes[-1].poll() is not None or time.monotonic() > end:
                with open(self.at(name + '.out'), errors='replace') as file:
                    return '%s does not start here: %s' % (name, file.read()[-600:])
            time.sleep(0.05)
        return None

    def ask(self, *words):
        """What a command of Slurm says."""
        return subprocess.run(words, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30).stdout.decode()

    def states(self, job):
        """Of a job, or of the tasks of an array: PENDING, RUNNING, COMPLETED, FAILED..."""
        return set(re.findall(r'JobState=(\w+)', self.ask('scontrol', '--oneliner', 'show', 'job', job)))

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []
