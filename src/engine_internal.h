/* What the engine and its executors share. An executor provides workers: it takes tasks, has them computed, and completes
 * them. Threads run the task themselves; processes will send it to the worker and complete it when the answer is there. */
#ifndef FN_ENGINE_INTERNAL_H
#define FN_ENGINE_INTERNAL_H

#include "fishnet/engine.h"

typedef struct fn_entry fn_entry;

/* Blocks until there is a task to compute, and marks it running. NULL: the engine stops. */
fn_entry *fn_engine_take(fn_engine *engine);
int64_t fn_entry_task(const fn_entry *entry);
void *fn_entry_result(const fn_entry *entry);
/* Ends a task that was taken: its result is whole (FN_OK) or it failed. report->notes passes to the engine. */
void fn_engine_complete(fn_engine *engine, fn_entry *entry, const fn_report *report, const fn_error *err);

const fn_job *fn_engine_job(const fn_engine *engine);
const volatile bool *fn_engine_stop_flag(const fn_engine *engine);
double fn_engine_clock(const fn_engine *engine); /* seconds since the engine was made */
void fn_engine_set_workers(fn_engine *engine, int workers);
/* Where what worker_open made is kept until the engine is freed. */
void **fn_engine_worker_state(fn_engine *engine, int worker);

/* The executor: runs n workers until fn_engine_take() gives NULL to each of them. Called on the engine's background
 * thread. */
void fn_executor_openmp(fn_engine *engine, int n);

#endif
