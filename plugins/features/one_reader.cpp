#include "one_reader.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "fishnet/job.h"

namespace fishnet
{

fn_status OneReader::OpenCursor(const Extractor &extractor, MessageCollector &collector, std::string &cause)
{
    GDALDatasetH dataset = m_datasets ? (*m_datasets)[m_plan.dataset].get() : nullptr;
    if (m_hasFailed) {
        m_own.reset();
        m_own = OpenDataset(m_plan);
        dataset = m_own.get();
    }
    fn_status status = FN_OK;
    OGRLayerH layer = FindLayer(m_plan, dataset, &status, cause);
    if (!layer)
        cause = collector.Cause(cause.c_str());
    else if (!m_cursor.Open(dataset, layer, extractor, collector, cause))
        status = FN_ERR_READ;
    return status;
}

fn_status OneReader::ReadFeatures(int64_t task, const volatile bool *cancel, Extractor &extractor, Given &given,
                                  bool *atEnd, MessageCollector &collector, std::string &cause)
{
    const fn_status status = m_cursor.IsOpen() ? FN_OK : OpenCursor(extractor, collector, cause);
    if (status != FN_OK)
        return status;
    return m_cursor.Read(m_split.TaskBegin(task), m_split.TaskSize(task), cancel, extractor, given.batch, &given.kept,
                         atEnd, collector, cause);
}

/* The turn passes as the task gets what was read: both, or neither. */
void OneReader::EndTurn(int64_t task, Given &&given, bool atEnd)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    const bool empty = given.kept.IsEmpty() && given.batch.Count() == 0;
    if (!atEnd || !empty)
        m_given[task] = std::move(given);
    if (atEnd)
        m_end = empty ? task : task + 1;
    m_turn = task + 1;
    m_changed.notify_all();
}

/* Of this thread. */
static double CpuSeconds()
{
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/* The task's turn has come: reads for it. On failure it is its turn still. */
fn_status OneReader::TakeTurn(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &spare,
                              MessageCollector &collector, std::string &cause)
{
    const auto fail = [this] {
        m_hasFailed = true;
        m_cursor.Close();
    };
    try {
        bool atEnd = false;
        Given given;
        given.batch = std::move(spare);
        given.batch.Clear();
        const auto before = static_cast<std::ptrdiff_t>(collector.messages.size());
        const double begin = CpuSeconds();
        const fn_status status = ReadFeatures(task, cancel, extractor, given, &atEnd, collector, cause);
        if (status == FN_OK) {
            given.messages.assign(collector.messages.begin() + before, collector.messages.end());
            given.batch.turn = CpuSeconds() - begin;
            EndTurn(task, std::move(given), atEnd);
        } else
            fail();
        return status;
    } catch (...) {
        fail();
        throw;
    }
}

/* Beside the others, who may read meanwhile. Goes on where an attempt that failed has come to. */
fn_status OneReader::TakeOut(int64_t task, const volatile bool *cancel, Extractor &extractor, Given &given,
                             MessageCollector &collector, std::string &cause)
{
    std::vector<FeatureHandle> &features = given.kept.features;
    if (!given.kept.raw.IsEmpty()) {
        const double turn = given.batch.turn;
        const fn_status status =
            ReadRaw(m_plan, m_split.rows, given.kept.raw, cancel, extractor, given.batch, collector, cause);
        given.batch.turn = turn;
        if (status != FN_OK)
            return status;
        given.kept.raw = RawFeatures();
    }
    for (size_t i = given.batch.Count(); i < features.size(); i++) {
        extractor.Append(features[i].get(), m_split.TaskBegin(task) + static_cast<int64_t>(i), given.batch, collector);
        features[i].reset();
    }
    std::vector<FeatureHandle>().swap(features);
    return FN_OK;
}

/* FN_OK: it has come, or there is nothing left. */
fn_status OneReader::WaitForTurn(int64_t task, const volatile bool *cancel, std::unique_lock<std::mutex> &lock,
                                 bool *end, std::string &cause)
{
    constexpr std::chrono::milliseconds kPatience(50); /* a task that was given up never takes its turn */
    while (m_turn < task && task < m_end) {
        m_changed.wait_for(lock, kPatience);
        if (fn_is_cancelled(cancel))
            return FN_ERR_CANCELLED;
    }
    *end = task >= m_end;
    if (*end || m_turn == task)
        return FN_OK;
    cause = "they have been read before, and were given away";
    return FN_ERR_ARGUMENT;
}

fn_status OneReader::Read(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &spare,
                          const Batch **batch, bool *end, MessageCollector &collector, std::string &cause)
{
    std::unique_lock<std::mutex> lock(m_mutex);
    auto given = m_given.find(task);
    if (given != m_given.end() && given->second.status != FN_OK) {
        const fn_status status = given->second.status;
        cause = std::move(given->second.cause);
        m_given.erase(given);
        return status;
    }
    if (given == m_given.end()) {
        fn_status status = WaitForTurn(task, cancel, lock, end, cause);
        if (status != FN_OK || *end)
            return status;
        lock.unlock();
        status = TakeTurn(task, cancel, extractor, spare, collector, cause);
        if (status != FN_OK)
            return status;
        lock.lock();
        given = m_given.find(task);
        *end = given == m_given.end();
        if (*end)
            return FN_OK;
    } else
        collector.messages.insert(collector.messages.end(), given->second.messages.begin(),
                                  given->second.messages.end());
    lock.unlock();
    *batch = &given->second.batch;
    return TakeOut(task, cancel, extractor, given->second, collector, cause);
}

void OneReader::Done(int64_t task, Batch &spare) noexcept
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    const auto given = m_given.find(task);
    if (given == m_given.end())
        return;
    spare = std::move(given->second.batch);
    m_given.erase(given);
}

bool OneReader::ReadInAdvance(const volatile bool *cancel, Extractor &extractor)
{
    if (m_turn >= std::min(m_end, m_split.TaskCount()))
        return false;
    const int64_t task = m_turn;
    MessageCollector collector;
    Batch none;
    std::string cause;
    const fn_status status = TakeTurn(task, cancel, extractor, none, collector, cause);
    if (status != FN_OK) {
        Given &failure = m_given[task];
        failure.status = status;
        failure.cause = std::move(cause);
        return false;
    }
    const auto given = m_given.find(task);
    if (given == m_given.end())
        return false;
    if (TakeOut(task, cancel, extractor, given->second, collector, cause) != FN_OK)
        return false; /* the task tries again */
    m_readyBytes += given->second.batch.Bytes();
    return true;
}

} // namespace fishnet
