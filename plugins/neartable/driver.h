#ifndef FN_NEARTABLE_DRIVER_H
#define FN_NEARTABLE_DRIVER_H

namespace fishnet
{
void RegisterNearTableDriver();
} // namespace fishnet

#endif
