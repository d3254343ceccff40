/* Geometries as WKB, as near features and as queries. See README.md for the layout of the input. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "fishnet/near.h"
#include "shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All neighbours, in order; the distance to the feature of that number in *distance. */
static void search(fn_searcher *s, const uint8_t *wkb, size_t size, fn_usable expected, size_t count, uint32_t number,
                   double *distance)
{
    const fn_neighbour *found;
    size_t n;
    fn_usable usable;
    fn_error err;
    const fn_status status =
        fn_searcher_find_wkb(s, wkb, size, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, &usable, NULL, &err);
    CHECK(usable == expected);
    *distance = NAN;
    if (status != FN_OK) { /* GEOS may refuse wild numbers, and must say so */
        CHECK(status == FN_ERR_READ && err.text[0] && n == 0);
        return;
    }
    CHECK(n == (usable == FN_USABLE ? count : 0));
    for (size_t i = 0; i < n; i++) {
        CHECK(found[i].feature < count && found[i].distance >= 0);
        CHECK(i == 0 || found[i - 1].distance < found[i].distance ||
              (found[i - 1].distance == found[i].distance && found[i - 1].feature < found[i].feature));
        CHECK(!(found[i].angle <= -180) && !(found[i].angle > 180));
        if (found[i].feature == number)
            *distance = found[i].distance;
    }
}

/* The largest coordinate: what a distance's rounding is measured by. */
static double magnitude(const uint8_t *wkb, size_t size, bool geodesic)
{
    fn_shape shape = {0};
    fn_usable usable;
    double most = 0;
    if (fn_shape_from_wkb(&shape, wkb, size, geodesic, &usable, NULL) == FN_OK)
        for (size_t i = 0; i < 2 * shape.n_vertices; i++)
            most = fmax(most, fabs(shape.xy[i]));
    fn_shape_destroy(&shape);
    return most;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    const bool geodesic = data[0] & 1;
    const size_t rest = size - 3, first = (size_t)data[1] | (size_t)data[2] << 8;
    if (geodesic && size > 250) /* edges round the world are cut into a thousand pieces each */
        return 0;
    const size_t sizes[2] = {first < rest ? first : rest, first < rest ? rest - first : 0};
    const uint8_t *wkb[2] = {data + 3, data + 3 + sizes[0]};
    fn_near *set;
    fn_searcher *s;
    fn_usable usable[2];
    size_t count = 0;
    CHECK(fn_near_new(&(fn_near_options){.geodesic = geodesic, .along = true}, &set, NULL) == FN_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(fn_near_add_wkb(set, wkb[i], sizes[i], i, FN_NO_GROUP, 0, &usable[i], NULL) == FN_OK);
        CHECK(fn_wkb_usable(wkb[i], sizes[i], geodesic) == usable[i]);
        count += usable[i] == FN_USABLE;
    }
    CHECK(fn_near_build(set, 1, NULL, NULL) == FN_OK && fn_near_count(set) == count);
    const fn_near_limits limits = {
        .closest = SIZE_MAX, .radius = INFINITY, .location = true, .angle = true, .along = true};
    CHECK(fn_searcher_new(set, &limits, &s, NULL) == FN_OK);
    double there, back;
    search(s, wkb[0], sizes[0], usable[0], count, 1, &there);
    search(s, wkb[1], sizes[1], usable[1], count, 0, &back);
    if (count == 2 && isfinite(there) && isfinite(back) && there < 1e15)
        CHECK(fabs(there - back) <= 1e-6 * fmax(1, there) + 1e-12 * fmax(magnitude(wkb[0], sizes[0], geodesic),
                                                                         magnitude(wkb[1], sizes[1], geodesic)));
    fn_searcher_free(s);
    fn_near_free(set);
    return 0;
}
