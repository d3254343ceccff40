/* The options about workers, which all drivers have. */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "fishnet/job.h"
#include "text.h"

fn_worker_options fn_worker_options_default(void)
{
    return (fn_worker_options){
        .processes = -1, .workers = -1, .threads = 1, .retries = -1, .timeout = FN_TIMEOUT_DEFAULT};
}

/* A whole number of digits only, least..most. */
static bool read_number(const char *text, int least, int most, int *out)
{
    long value = 0;
    const char *c = text;
    for (; isdigit((unsigned char)*c) && value <= most; c++)
        value = value * 10 + (*c - '0');
    *out = (int)value;
    return c != text && *c == '\0' && value >= least && value <= most;
}

fn_status fn_parse_workers(const char *name, const char *text, int *out, fn_error *err)
{
    *out = 0;
    if (strcasecmp(text, "ALL_CPUS") == 0)
        return FN_OK;
    int n;
    if (!read_number(text, 1, FN_WORKERS_MAX, &n))
        return fn_fail(err, FN_ERR_ARGUMENT, "%s=%.100s: a number from 1 to %d or ALL_CPUS is wanted", name, text,
                       FN_WORKERS_MAX);
    *out = n;
    return FN_OK;
}

fn_status fn_worker_options_take(fn_worker_options *o, const char *key, size_t key_length, const char *value,
                                 bool *known, fn_error *err)
{
#define KEY(name) (key_length == strlen(name) && strncasecmp(key, name, key_length) == 0)
    *known = true;
    if (KEY("WORKERS")) {
        o->processes = strcasecmp(value, "PROCESSES") == 0;
        if (!o->processes && strcasecmp(value, "THREADS") != 0)
            return fn_fail(err, FN_ERR_ARGUMENT, "WORKERS=%.100s: THREADS or PROCESSES is wanted", value);
    } else if (KEY("NUM_WORKERS"))
        return fn_parse_workers("NUM_WORKERS", value, &o->workers, err);
    else if (KEY("THREADS_PER_WORKER")) {
        if (!read_number(value, 1, FN_WORKERS_MAX, &o->threads))
            return fn_fail(err, FN_ERR_ARGUMENT, "THREADS_PER_WORKER=%.100s: a number from 1 to %d is wanted", value,
                           FN_WORKERS_MAX);
    } else if (KEY("RETRIES")) {
        if (!read_number(value, 0, FN_RETRIES_MAX, &o->retries))
            return fn_fail(err, FN_ERR_ARGUMENT, "RETRIES=%.100s: a number from 0 to %d is wanted", value,
                           FN_RETRIES_MAX);
    } else if (KEY("TASK_TIMEOUT")) {
        char *end;
        o->timeout = fn_strtod(value, &end);
        if (end == value || *end != '\0' || !isfinite(o->timeout) || o->timeout < 0)
            return fn_fail(err, FN_ERR_ARGUMENT, "TASK_TIMEOUT=%.100s: a number of seconds is wanted, 0 for no limit",
                           value);
    } else
        *known = false;
    return FN_OK;
#undef KEY
}
