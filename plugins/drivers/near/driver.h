#ifndef FN_NEARTABLE_DRIVER_H
#define FN_NEARTABLE_DRIVER_H

namespace fishnet
{
/* What helpers know of it: see jobs/. */
void RegisterNearTableJobs();
void RegisterNearTableDriver();
} // namespace fishnet

#endif
