/* A worker that writes tiles: it opens what is computed for itself, and has GDAL copy one window after the other. */
#ifndef FN_FISHNET_TILE_WORKER_H
#define FN_FISHNET_TILE_WORKER_H

#include "fishnet/tiles.h"

namespace fishnet
{

class Dataset;

/* What workers are told, threads and processes. */
struct TileJob {
    TileSet tiles;
    std::vector<int64_t> todo; /* the tile of each task */
    std::string connection;
    CPLStringList openOptions; /* all that the worker opens it with */
    std::string signature;     /* of what is computed, as the host sees it */
    int workers = 1;           /* that share the memory */
    int threads = 1;           /* that GDAL may use for each */
    CPLStringList config;

    Words ToWords() const;
    bool FromWords(const Words &words);
};

/* A task's result. */
struct TileResult {
    int64_t bytes; /* of its files */
};

class TileWorker
{
  public:
    /* NULL and err on failure. */
    static std::unique_ptr<TileWorker> Open(const TileJob &job, fn_error *err);
    ~TileWorker();
    TileWorker(const TileWorker &) = delete;
    TileWorker &operator=(const TileWorker &) = delete;

    /* Writes the tile of a task. Its part folder is gone afterwards, whatever happens. */
    fn_status Run(fn_task &task, Notes *notes, fn_error *err);

  private:
    explicit TileWorker(const TileJob &job) : m_job(job) {}
    bool Write(int64_t tile, const std::string &file, fn_task &task) const;
    bool IsWhole(int64_t tile, const std::string &file) const;
    bool NoteFailures(int64_t tile, const std::string &part) const;

    const TileJob &m_job;
    DatasetHandle m_dataset;
};

/* Sets worker_run and worker_close of a job whose workers these are. */
void SetTileCalls(fn_job &job);

} // namespace fishnet

#endif
