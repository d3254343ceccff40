/* How many CPUs this process may really use. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fishnet/job.h"

/* Whole CPUs of the quota in "<quota> <period>" (cgroup v2) or in two files (v1); 0: no limit. */
static int quota_in(const char *folder)
{
    char path[4200];
    double quota = 0, period = 0;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fscanf(file, "%lf %lf", &quota, &period) != 2)
            quota = 0; /* "max 100000" */
        fclose(file);
    }
    if (quota <= 0 || period <= 0)
        return 0;
    const double cpus = quota / period;
    return cpus < 1 ? 1 : cpus > FN_WORKERS_MAX ? 0 : (int)(cpus + 0.5);
}

/* The tightest quota of this process's control group and its parents (version 2, Linux). */
static int cgroup_limit(void)
{
    static const char root[] = "/sys/fs/cgroup";
    char line[4096] = "", folder[4112];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, "0::", 3) == 0;
    if (file)
        fclose(file);
    if (!found)
        return quota_in(root);
    line[strcspn(line, "\n")] = '\0';
    snprintf(folder, sizeof folder, "%s%s", root, line + 3);
    int limit = 0;
    for (;;) {
        const int quota = quota_in(folder);
        if (quota > 0 && (limit == 0 || quota < limit))
            limit = quota;
        char *slash = strrchr(folder, '/');
        if (!slash || strlen(folder) <= strlen(root))
            return limit;
        *slash = '\0';
    }
}

int fn_cpu_count(void)
{
    int cpus = 0;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cpus = CPU_COUNT(&set);
    if (cpus < 1)
        cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    const int limit = cgroup_limit();
    if (limit > 0 && limit < cpus)
        cpus = limit;
    return cpus < 1 ? 1 : cpus > FN_WORKERS_MAX ? FN_WORKERS_MAX : cpus;
}
