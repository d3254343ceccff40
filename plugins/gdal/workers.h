/* What workers have in common, threads and processes: their options, their configuration, their messages; and words
 * as bytes, for another process. */
#ifndef FN_WORKERS_H
#define FN_WORKERS_H

#include <memory>
#include <string>
#include <vector>

#include <cpl_string.h>

#include "boundary.h"
#include "fishnet/pool.h"
#include "handles.h"

namespace fishnet
{

using Words = std::vector<std::string>;

/* Words as plain bytes and back. False: the bytes make no sense. */
std::string Pack(const Words &words);
bool Unpack(const void *bytes, size_t size, Words &words);
/* The same for a list of options; they are added to it. */
std::string PackOptions(CSLConstList options);
bool UnpackOptions(const std::string &bytes, CPLStringList &options);

/* Messages of a task, for the host's error handler: fn_report::notes. The functions are those of fn_job. */
using Notes = std::vector<Message>;
void *NotesToBytes(void *user, void *notes, size_t *bytes);
void *NotesFromBytes(void *user, const void *data, size_t bytes);

/* Settles what was not given: NUM_WORKERS by GDAL_NUM_THREADS and the CPUs, WORKERS by the configuration option
 * FISHNET_WORKERS. Warns in the name of `driver`. Afterwards workers and readers are 1.., processes 0 or 1, and retries
 * 0.. For a dataset that a worker opens, being an input of another one: threads, as many readers as workers, and no
 * retries; the outer one has its own, and those of several levels would multiply. */
void ResolveWorkers(const char *driver, fn_worker_options &options);

/* Whether a worker opens a dataset on this thread, as an input or to write a part of an output. */
bool IsOpenedByWorker();

/* Fails for a dataset that lies too deep within others of ours: it reads itself. */
fn_status CheckDepth(fn_error *err);

/* Where it is told what workers do. Empty: nowhere. */
struct ReportFiles {
    std::string trace; /* a timeline */
    std::string log;   /* lines for people */

    bool Any() const { return !trace.empty() || !log.empty(); }
};
/* Those for what this thread opens, by the configuration options FISHNET_TRACE and FISHNET_LOG. A dataset within
 * another has none. They are no open options: those stand in VRTs and other files too, which would write over any file
 * when they are but looked at. */
ReportFiles FindReportFiles();
/* Whether a log is printed: then a progress bar would go through its lines. */
bool IsOnScreen(const std::string &log);

/* GDAL warns of configuration options that it does not know. */
void DeclareConfigOptions();

/* Why another process cannot open what this one has open; empty: nothing is known against it. */
std::string WhyNotShared(GDALDatasetH dataset, const std::string &name);

/* The configuration of the thread that opened a dataset, for worker threads and processes. */
CPLStringList ThreadConfig();
/* Sets this thread up as a worker: its configuration, and how many threads GDAL may use for it. */
void ConfigureWorker(CSLConstList config, int threads);
/* Makes a worker of a thread of the host for a while: afterwards its configuration, and what it knows of its last
 * error, are as they were. */
class AsWorker
{
  public:
    AsWorker(CSLConstList config, int threads) : m_config(ThreadConfig()) { ConfigureWorker(config, threads); }
    ~AsWorker() { CPLSetThreadLocalConfigOptions(m_config.List()); }
    AsWorker(const AsWorker &) = delete;
    AsWorker &operator=(const AsWorker &) = delete;

  private:
    CPLStringList m_config;
    CPLErrorStateBackuper m_errors;
};

std::string CurrentFolder();

} // namespace fishnet

#endif
