/* fishnet/share.h - shares of a job: who does which of its tasks, where many machines know nothing of each other. */
#ifndef FISHNET_SHARE_H
#define FISHNET_SHARE_H

#include "fishnet/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* share[task]: which of `shares`, from 1, does it, for each task of a grid of columns x rows, numbered row by row; a
 * job without a grid is one row. It depends on the arguments alone.
 *
 * The grid is walked along a Hilbert curve (D. Hilbert, Math. Ann. 38, 1891), so that a share is compact, and the walk
 * is cut where the weights say that equal work lies between. weights: of each task, such as its pixels; NULL, or all 0:
 * all are alike. Where all are alike and there are no more shares than tasks, none is empty.
 *
 * columns, rows, shares: at least 1. No memory but a stack of 64 frames; about 5 ns for each task. */
void fn_shares_of_grid(int64_t columns, int64_t rows, const uint32_t *weights, int shares, int32_t *share);

#ifdef __cplusplus
}
#endif
#endif
