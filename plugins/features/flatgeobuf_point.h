/* The coordinates of a feature of a FlatGeobuf that is a point. */
#ifndef FN_FLATGEOBUF_POINT_H
#define FN_FLATGEOBUF_POINT_H

#include <cstddef>

namespace fishnet
{

/* feature: what stands behind its size in a file whose header says that all are points; size: its bytes. False: it is
 * no point with two coordinates that are numbers and nothing else, or damaged; then only the driver can tell. */
bool ReadFlatGeobufPoint(const char *feature, size_t size, double xy[2]);

} // namespace fishnet

#endif
