/* The options about workers, which all drivers have. */
#include <string.h>

#include "fishnet/job.h"

enum { WORKERS, NUM_WORKERS, READERS, THREADS_PER_WORKER, RETRIES, TASK_TIMEOUT, COUNT };

static const fn_option rows[COUNT] = {
    [WORKERS] = {.name = "WORKERS",
                 .kind = FN_OPTION_CHOICE,
                 .words = "THREADS|PROCESSES",
                 .preset = "THREADS",
                 .help = "Kind of worker"},
    [NUM_WORKERS] = {.name = "NUM_WORKERS",
                     .kind = FN_OPTION_WHOLE,
                     .words = "ALL_CPUS",
                     .least = 1,
                     .most = FN_WORKERS_MAX,
                     .preset = "ALL_CPUS",
                     .help = "Number of workers or ALL_CPUS"},
    [READERS] = {.name = "READERS",
                 .kind = FN_OPTION_WHOLE,
                 .least = 1,
                 .most = FN_WORKERS_MAX,
                 .preset = "32",
                 .help = "Reads in flight where inputs lie beyond a network"},
    [THREADS_PER_WORKER] = {.name = "THREADS_PER_WORKER",
                            .kind = FN_OPTION_WHOLE,
                            .least = 1,
                            .most = FN_WORKERS_MAX,
                            .preset = "1",
                            .help = "Threads that GDAL may use for each worker"},
    [RETRIES] = {.name = "RETRIES",
                 .kind = FN_OPTION_WHOLE,
                 .most = FN_RETRIES_MAX,
                 .preset = "2",
                 .help = "How often a failed task is tried again"},
    [TASK_TIMEOUT] = {.name = "TASK_TIMEOUT",
                      .kind = FN_OPTION_NUMBER,
                      .preset = "3600",
                      .help = "Seconds after which a worker process is taken to hang; 0: never",
                      .wanted = "expected a number of seconds, 0 for no limit"},
};

fn_option_table fn_worker_option_table(void)
{
    return (fn_option_table){rows, COUNT};
}

fn_worker_options fn_worker_options_default(void)
{
    return (fn_worker_options){
        .processes = -1, .workers = -1, .readers = -1, .threads = 1, .retries = -1, .timeout = FN_TIMEOUT_DEFAULT};
}

fn_status fn_parse_workers(const char *name, const char *text, int *out, fn_error *err)
{
    fn_option option = rows[NUM_WORKERS];
    fn_option_value value = {0};
    option.name = name;
    const fn_status status = fn_option_read(&option, text, &value, err);
    *out = (int)value.whole;
    return status;
}

fn_status fn_worker_options_take(fn_worker_options *o, const char *key, size_t key_length, const char *value,
                                 bool *known, fn_error *err)
{
    const fn_option *option = fn_option_find(fn_worker_option_table(), key, key_length);
    fn_option_value v;
    *known = option != NULL;
    if (!option)
        return FN_OK;
    const fn_status status = fn_option_read(option, value, &v, err);
    if (status != FN_OK)
        return status;
    switch (option - rows) {
    case WORKERS:
        o->processes = (int)v.whole;
        break;
    case NUM_WORKERS:
        o->workers = (int)v.whole;
        break;
    case READERS:
        o->readers = (int)v.whole;
        break;
    case THREADS_PER_WORKER:
        o->threads = (int)v.whole;
        break;
    case RETRIES:
        o->retries = (int)v.whole;
        o->usual = false;
        break;
    default:
        o->timeout = v.number;
    }
    return FN_OK;
}
