#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fn_trace {
    FILE *file;
    int named; /* threads that have a name so far */
};

static void name_thread(fn_trace *trace, long process)
{
    const int thread = trace->named++;
    fprintf(trace->file, "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%ld,\"tid\":%d,\"args\":{\"name\":\"", process,
            thread);
    fprintf(trace->file, thread == 0 ? "reader\"}}" : "worker %d\"}}", thread - 1);
}

fn_status fn_trace_open(const char *path, fn_trace **out, fn_error *err)
{
    fn_trace *trace = calloc(1, sizeof *trace);
    FILE *file = trace ? fopen(path, "we") : NULL;
    if (!file) {
        free(trace);
        return fn_fail(err, FN_ERR_SYSTEM, "TRACE=%.500s: cannot write: %s", path, strerror(errno));
    }
    trace->file = file;
    fputs("[\n", file);
    name_thread(trace, (long)getpid());
    *out = trace;
    return FN_OK;
}

static void write_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 32)
            fprintf(file, "\\u%04x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

void fn_trace_event(fn_trace *trace, const char *name, const char *category, long process, int thread, double begin,
                    double seconds, const char *status)
{
    if (!trace)
        return;
    while (trace->named <= thread) {
        fputs(",\n", trace->file);
        name_thread(trace, process);
    }
    fputs(",\n{\"name\":", trace->file);
    write_string(trace->file, name);
    fprintf(trace->file, ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":%ld,\"tid\":%d,\"ts\":%lld,\"dur\":%lld", category,
            process, thread, (long long)(begin * 1e6), (long long)(seconds * 1e6));
    if (status) {
        fputs(",\"args\":{\"status\":", trace->file);
        write_string(trace->file, status);
        fputc('}', trace->file);
    }
    fputc('}', trace->file);
}

void fn_trace_close(fn_trace *trace)
{
    if (!trace)
        return;
    fputs("\n]\n", trace->file);
    fclose(trace->file);
    free(trace);
}
