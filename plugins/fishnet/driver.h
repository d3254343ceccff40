#ifndef FN_FISHNET_DRIVER_H
#define FN_FISHNET_DRIVER_H

namespace fishnet
{
void RegisterRasterDriver();
void RegisterPixelFunction();
} // namespace fishnet

#endif
