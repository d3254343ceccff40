/* The tiles of a raster, each a file, as a job: a worker opens what is computed for itself, and has GDAL copy one
 * window after the other. */
#ifndef FN_FISHNET_TILE_JOB_H
#define FN_FISHNET_TILE_JOB_H

#include <set>

#include "part_run.h"
#include "tiles.h"

namespace fishnet
{

class TileJob final : public PartJob
{
  public:
    using PartJob::PartJob;
    static std::unique_ptr<Job> FromWords(const Words &words, int threads, fn_error *err);

    /* What workers are told, beside PartJob. */
    TileSet tiles;
    std::string connection;
    CPLStringList openOptions; /* all that the worker opens it with */
    std::string signature;     /* of what is computed, as the host sees it */
    int workers = 1;           /* that share the memory */

    /* Of the host. */
    std::string hostFolder;           /* that relative names begin at */
    Words inputs;                     /* see JobDescription */
    std::vector<double> geotransform; /* of the whole raster; empty: there is none */
    std::set<std::string> said;       /* what has been said is not said again for each tile */

    int64_t PartCount() const override { return tiles.Count(); }
    std::string Stem(int64_t part) const override { return tiles.Stem(part); }
    std::string File(int64_t part) const override { return tiles.File(part); }
    fn_task_place Place(int64_t task) const override
    {
        return PlaceOf(tiles.Window(PartOf(task)), geotransform.empty() ? nullptr : geotransform.data());
    }
    void Fail(const fn_error &err) const override;

    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "a tile cannot be written"; }
    JobDescription Describe() const override;
    const char *Driver() const override { return "FISHNET"; }
    void Tell(const Message &message, const std::string &task, long process) override;

  private:
    bool m_inHelper = false;
};

} // namespace fishnet

#endif
