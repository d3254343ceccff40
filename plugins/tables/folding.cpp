#include "folding.h"

#include <algorithm>

namespace fishnet
{

using namespace output;

static PartialHead HeadOf(const PartsJob &job, int64_t part)
{
    PartialHead head;
    head.recipe = job.recipe;
    head.part = part;
    head.parts = job.parts;
    return head;
}

void AddDamaged(PartsJob &job, const std::vector<int64_t> &wanted)
{
    std::vector<int64_t> all = job.todo;
    for (const int64_t part : wanted) {
        if (std::binary_search(job.todo.begin(), job.todo.end(), part))
            continue;
        const std::string why = PartialReader::WhyNot(job.Path(part), HeadOf(job, part));
        if (why.empty())
            continue;
        CPLError(CE_Warning, CPLE_FileIO, "%s: %s is not used: %s", job.Driver(), job.Path(part).c_str(), why.c_str());
        all.push_back(part);
    }
    std::sort(all.begin(), all.end());
    job.todo = std::move(all);
}

/* One part, at the first attempt or a later one. */
static fn_status WriteOnce(const PartsJob &job, int64_t part, const std::string &file, const GoesOn &goesOn,
                           fn_error *err)
{
    PartialWriter writer;
    Notes messages;
    if (writer.Open(file, HeadOf(job, part), err) != FN_OK ||
        job.plan->WritePartial(part, job.parts, writer, messages, goesOn, err) != FN_OK || writer.Close(err) != FN_OK)
        return err->status;
    for (const Message &message : messages)
        Emit(message);
    return FN_OK;
}

static bool WritePartial(const PartsJob &job, int64_t part, InputWatch *watch, const GoesOn &goesOn)
{
    fn_error err;
    PartFolder temporary(job.Driver(), job.folder, job.Stem(part), job.run);
    if (!temporary.Make())
        return false;
    const std::string file = temporary.Path() + "/" + job.File(part);
    for (int tried = 1; WriteOnce(job, part, file, goesOn, &err) != FN_OK; tried++)
        if (!WaitToTryAgain(tried, job.plan->workers.retries, &err)) {
            if (err.status == FN_ERR_CANCELLED)
                CPLError(CE_Failure, CPLE_UserInterrupt, "%s", kStopped);
            else
                job.Fail(err);
            return false;
        }
    const std::string why = watch ? watch->WhyNot(true) : std::string();
    if (!why.empty())
        fn_fail(&err, FN_ERR_READ, "%s", why.c_str());
    if (!why.empty())
        job.Fail(err);
    return why.empty() && temporary.Publish(job.File(part));
}

bool WritePartials(const PartsJob &job, InputWatch *watch, GDALProgressFunc progress, void *progressData)
{
    const auto count = static_cast<double>(job.todo.size());
    double done = 0;
    const GoesOn goesOn = [&] { return progress(done / count, "", progressData) != 0; };
    for (const int64_t part : job.todo) {
        if (!WritePartial(job, part, watch, goesOn))
            return false;
        done++;
    }
    return true;
}

void RemovePartials(const PartsJob &job)
{
    const MessageCollector collector;
    for (int64_t part = 0; part < job.parts; part++)
        Remove(job.Driver(), job.Path(part));
}

} // namespace fishnet
