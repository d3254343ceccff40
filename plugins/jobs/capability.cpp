#include "capability.h"

namespace fishnet
{

/* A list, so that the module can be loaded without memory. */
static Capability *first = nullptr, *last = nullptr;

Capability::Capability(Register jobs, Register host) noexcept : m_jobs(jobs), m_host(host)
{
    (last ? last->m_next : first) = this;
    last = this;
}

void Capability::RegisterJobs()
{
    for (const Capability *capability = first; capability; capability = capability->m_next)
        if (capability->m_jobs)
            capability->m_jobs();
}

void Capability::RegisterAll()
{
    RegisterJobs();
    for (const Capability *capability = first; capability; capability = capability->m_next)
        capability->m_host();
}

} // namespace fishnet
