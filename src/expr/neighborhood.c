#include "neighborhood.h"

size_t fn_neighborhood_scratch_bytes(const fn_neighborhood *n, size_t width, size_t height)
{
    return n->kind == FN_TERRAIN ? fn_terrain_scratch_bytes(&n->terrain)
                                 : fn_focal_scratch_bytes(n->focal, width, height);
}

void fn_neighborhood_run(const fn_neighborhood *n, const double *in, size_t in_stride, const fn_window *w, double *out,
                         size_t out_stride, void *scratch)
{
    const size_t width = (size_t)w->width, height = (size_t)w->height;
    if (n->kind == FN_TERRAIN)
        fn_terrain_run(&n->terrain, in, in_stride, w->x, w->y, width, height, out, out_stride, scratch);
    else
        fn_focal_run(n->focal, in, (ptrdiff_t)in_stride, width, height, out, (ptrdiff_t)out_stride, scratch);
}
