#ifndef FN_FISHNET_DRIVER_H
#define FN_FISHNET_DRIVER_H

namespace fishnet
{
/* What helpers know of it: see jobs/. */
void RegisterRasterJobs();
void RegisterRasterDriver();
void RegisterPixelFunction();
} // namespace fishnet

#endif
