/* Values of a row that are integers or doubles, in slots of one width. */
#ifndef FN_ZONALSTATS_SLOTS_H
#define FN_ZONALSTATS_SLOTS_H

#include <cstring>

#include "fishnet/zonal_stats.h"
#include "schema.h"

namespace fishnet::zonalstats
{

inline int64_t AsSlot(double value)
{
    int64_t slot;
    memcpy(&slot, &value, sizeof slot);
    return slot;
}

inline double FromSlot(int64_t slot)
{
    double value;
    memcpy(&value, &slot, sizeof value);
    return value;
}

inline int64_t NullSlot(bool isInteger)
{
    return isInteger ? NullValue<int64_t>() : AsSlot(NullValue<double>());
}

/* False: a column of integers cannot hold it. */
inline bool FitsSlot(const fn_stat_value &value, bool isInteger, int64_t &slot)
{
    slot = value.result == FN_STAT_NONE ? NullSlot(isInteger) : isInteger ? value.integer : AsSlot(value.real);
    return !isInteger || value.result == FN_STAT_NONE ||
           (value.result == FN_STAT_INTEGER && value.integer != NullValue<int64_t>());
}

} // namespace fishnet::zonalstats

#endif
