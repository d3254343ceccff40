/* Planar distances of points and runs of segments. Coordinates are pairs; a run of 0 segments is a point. */
#ifndef FN_PLANAR_H
#define FN_PLANAR_H

#include <stdint.h>

/* Where two runs are nearest. */
typedef struct fn_meeting {
    double p[2], q[2];  /* on the first and on the second run */
    uint32_t q_segment; /* of the second run */
} fn_meeting;

/* The smallest distance between run p and run q: 0 where they cross. Between a point and a segment it is GEOS's
 * formula, to the last bit. meeting: or NULL. */
double fn_planar_distance(const double *p, uint32_t p_segments, const double *q, uint32_t q_segments,
                          fn_meeting *meeting);

#endif
