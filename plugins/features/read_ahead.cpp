#include "read_ahead.h"

#include <csignal>
#include <exception>

#include "fishnet/job.h"

namespace fishnet
{

ReadAhead::ReadAhead(const InputPlan &plan, OneReader &reader, CSLConstList config)
{
    /* Signals stay with the host's threads. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    try {
        m_thread = std::thread([this, &plan, &reader, config] { Run(plan, reader, config); });
    } catch (const std::exception &) {
        /* then the workers read everything */
    }
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

ReadAhead::~ReadAhead()
{
    __atomic_store_n(&m_enough, true, __ATOMIC_RELAXED);
    if (m_thread.joinable())
        m_thread.join();
}

void ReadAhead::Cancel()
{
    __atomic_store_n(&m_cancel, true, __ATOMIC_RELAXED);
}

void ReadAhead::Run(const InputPlan &plan, OneReader &reader, CSLConstList config)
{
    constexpr size_t kMost = 48 << 20; /* bytes of batches */
    /* Out of memory: the reader has failed, and says so to the task. */
    GuardedQuietly(false, [&] {
        ConfigureWorker(config, plan.workers.threads);
        Extractor extractor;
        std::string cause;
        const auto noGroup = [](const std::string &) { return FN_NO_GROUP; };
        MessageCollector collector;
        if (!extractor.Init(plan, plan.input, plan.fields, noGroup, cause))
            return false; /* a worker will say why */
        while (!fn_is_cancelled(&m_enough) && reader.BytesInAdvance() < kMost)
            if (!reader.ReadInAdvance(&m_cancel, extractor))
                break;
        return true;
    });
}

} // namespace fishnet
