/* Partial results of a pass over the rasters in files: a share of its tiles is written, and those of all are read as if
 * one pass had given them. In a file there are, by their keys, what all shares have in common, and for each tile what
 * its zones have in it: the records of a task, in which a zone is its place in the table. */
#ifndef FN_ZONALSTATS_PARTIALS_H
#define FN_ZONALSTATS_PARTIALS_H

#include "partial_file.h"
#include "pass_results.h"

namespace fishnet::zonalstats
{

/* What all shares must have found: else they have not seen the same zones. */
struct ZonesOfShare {
    int64_t tasks = 0; /* of all shares */
    int64_t zones = 0; /* 0 where they are numbers */
    uint64_t check = 0;

    bool operator==(const ZonesOfShare &other) const
    {
        return tasks == other.tasks && zones == other.zones && check == other.check;
    }
};

/* fids: of the zones, in the order of the table. */
ZonesOfShare DescribeZones(int64_t tasks, const std::vector<int64_t> &fids);

/* Takes the results of a pass into a file. */
class PartialSink final : public PassSink
{
  public:
    PartialSink(const ZoneList &zones, const ZonalJob &job, PartialWriter &to) : m_zones(zones), m_job(job), m_to(to) {}
    fn_status Begin(fn_error *) override { return FN_OK; }
    fn_status Add(int64_t task, const void *data, size_t bytes, fn_error *err) override;
    fn_status FinishBefore(int64_t, fn_error *) override { return FN_OK; }

  private:
    const ZoneList &m_zones;
    const ZonalJob &m_job;
    PartialWriter &m_to;
    std::vector<char> m_bytes;
};

/* The end of a file. failed: tiles that could not be read, by their numbers. */
fn_status WriteNotes(const ZonesOfShare &zones, const FailedTasks &failed, PartialWriter &to, fn_error *err);
/* These of all files. messages: for the host. */
fn_status ReadNotes(PartialReader &from, ZonesOfShare &zones, FailedTasks &failed, Notes &messages, fn_error *err);

/* A pass that shares have made. */
class PartialPass final : public RasterPass
{
  public:
    /* zones: some of those that the shares have seen, or all. */
    PartialPass(std::shared_ptr<PartialReader> from, const ZoneList &zones, const ZonalJob &job, PassSink &sink)
        : m_from(std::move(from)), m_zones(zones), m_job(job), m_sink(sink)
    {
    }
    fn_status Step(bool *through, fn_error *err) override;

  private:
    fn_status Take(const PartialReader::Record &record, int64_t task, fn_error *err);

    std::shared_ptr<PartialReader> m_from;
    const ZoneList &m_zones;
    const ZonalJob &m_job;
    PassSink &m_sink;
    bool m_hasBegun = false;
    size_t m_next = 0; /* of the records */
    std::vector<char> m_bytes;
};

} // namespace fishnet::zonalstats

#endif
