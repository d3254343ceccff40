#include "shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "geodetic.h"

#define NESTING_MAX 64

typedef struct reader {
    const uint8_t *at, *end;
    bool swap;
    bool geodesic;
    fn_shape *shape;
    fn_usable usable;
    fn_status status;
} reader;

static bool spoil(reader *r, fn_usable why)
{
    if (r->usable == FN_USABLE)
        r->usable = why;
    return false;
}

static bool read_uint32(reader *r, uint32_t *value)
{
    if (r->end - r->at < 4)
        return spoil(r, FN_UNUSABLE_WKB);
    memcpy(value, r->at, 4);
    r->at += 4;
    if (r->swap)
        *value = __builtin_bswap32(*value);
    return true;
}

static double double_at(const reader *r, const uint8_t *at)
{
    uint64_t bits;
    double value;
    memcpy(&bits, at, 8);
    if (r->swap)
        bits = __builtin_bswap64(bits);
    memcpy(&value, &bits, 8);
    return value;
}

static bool out_of_memory(reader *r)
{
    r->status = FN_ERR_MEMORY;
    return false;
}

/* A run of n vertices of `dims` doubles becomes a path. An empty one leaves none. */
static bool read_path(reader *r, size_t n, size_t dims, fn_path_kind kind)
{
    fn_shape *s = r->shape;
    if ((size_t)(r->end - r->at) / (dims * 8) < n)
        return spoil(r, FN_UNUSABLE_WKB);
    if (n == 0)
        return true;
    if (s->n_vertices + n + 1 > FN_NEAR_MAX) {
        r->status = FN_ERR_ARGUMENT;
        return false;
    }
    if (!fn_reserve(&s->xy, &s->vertices_cap, s->n_vertices + n + 1, 2 * sizeof(double)) ||
        !fn_reserve(&s->paths, &s->paths_cap, s->n_paths + 1, sizeof *s->paths))
        return out_of_memory(r);
    double *to = s->xy + 2 * s->n_vertices;
    for (size_t i = 0; i < n; i++, r->at += dims * 8) {
        const double x = double_at(r, r->at), y = double_at(r, r->at + 8);
        if (!isfinite(x) || !isfinite(y)) {
            const bool empty_point = kind == FN_PATH_POINT && n == 1 && isnan(x) && isnan(y);
            if (empty_point) { /* how WKB writes POINT EMPTY */
                r->at += dims * 8;
                return true;
            }
            return spoil(r, FN_UNUSABLE_NOT_FINITE);
        }
        if (r->geodesic && fabs(y) > 90)
            return spoil(r, FN_UNUSABLE_LATITUDE);
        to[2 * i] = r->geodesic ? fn_geo_longitude(x) : x;
        to[2 * i + 1] = y;
    }
    if (kind == FN_PATH_SHELL || kind == FN_PATH_HOLE) {
        if (to[0] != to[2 * n - 2] || to[1] != to[2 * n - 1]) {
            to[2 * n] = to[0];
            to[2 * n + 1] = to[1];
            n++;
        }
        if (n < 4 && kind == FN_PATH_HOLE)
            return true;
        if (n < 4) {
            kind = FN_PATH_LINE;
            s->has_collapsed = true;
        }
    }
    s->paths[s->n_paths++] = (fn_path){(uint32_t)s->n_vertices, (uint32_t)n, kind};
    s->n_vertices += n;
    s->has_points |= kind == FN_PATH_POINT;
    s->has_lines |= kind == FN_PATH_LINE;
    s->has_area |= kind == FN_PATH_SHELL;
    return true;
}

static bool read_polygon(reader *r, size_t dims)
{
    uint32_t rings, n;
    fn_shape *s = r->shape;
    if (!read_uint32(r, &rings))
        return false;
    fn_path_kind kind = FN_PATH_SHELL;
    for (uint32_t i = 0; i < rings; i++) {
        const size_t before = s->n_paths;
        if (!read_uint32(r, &n) || !read_path(r, n, dims, kind))
            return false;
        if (kind == FN_PATH_SHELL && (s->n_paths == before || s->paths[before].kind != FN_PATH_SHELL)) {
            /* no inside: its holes say nothing, but must be well-formed */
            const size_t paths = s->n_paths, vertices = s->n_vertices;
            for (i++; i < rings; i++)
                if (!read_uint32(r, &n) || !read_path(r, n, dims, FN_PATH_HOLE))
                    return false;
            s->n_paths = paths;
            s->n_vertices = vertices;
            return true;
        }
        kind = FN_PATH_HOLE;
    }
    return true;
}

static bool read_geometry(reader *r, int depth)
{
    if (depth > NESTING_MAX || r->end - r->at < 5)
        return spoil(r, FN_UNUSABLE_WKB);
    const uint8_t order = *r->at++;
    const bool little = order == 1, machine_is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    if (order > 1)
        return spoil(r, FN_UNUSABLE_WKB);
    r->swap = little != machine_is_little;
    uint32_t type, n;
    if (!read_uint32(r, &type))
        return false;
    bool z = type & 0x80000000u, m = type & 0x40000000u; /* old style and EWKB */
    if ((type & 0x20000000u) && !read_uint32(r, &n))     /* EWKB: SRID */
        return false;
    type &= 0x1FFFFFFFu;
    z |= type / 1000 == 1 || type / 1000 == 3; /* ISO */
    m |= type / 1000 == 2 || type / 1000 == 3;
    if (type / 1000 > 3)
        return spoil(r, FN_UNUSABLE_WKB);
    const size_t dims = 2u + z + m;
    switch (type % 1000) {
    case 1: /* point */
        return read_path(r, 1, dims, FN_PATH_POINT);
    case 2: /* line string */
        return read_uint32(r, &n) && read_path(r, n, dims, FN_PATH_LINE);
    case 3:  /* polygon */
    case 17: /* triangle */
        return read_polygon(r, dims);
    case 4:  /* multi-point */
    case 5:  /* multi-line string */
    case 6:  /* multi-polygon */
    case 7:  /* collection */
    case 15: /* polyhedral surface */
    case 16: /* TIN */
        if (!read_uint32(r, &n))
            return false;
        for (uint32_t i = 0; i < n; i++)
            if (!read_geometry(r, depth + 1))
                return false;
        return true;
    default:
        return spoil(r, FN_UNUSABLE_WKB);
    }
}

static void clear(fn_shape *s)
{
    s->n_vertices = s->n_paths = 0;
    s->has_area = s->has_collapsed = s->has_lines = s->has_points = false;
}

fn_status fn_shape_from_wkb(fn_shape *shape, const void *wkb, size_t bytes, bool geodesic, fn_usable *usable,
                            fn_error *err)
{
    clear(shape);
    reader r = {.at = wkb, .end = (const uint8_t *)wkb + bytes, .geodesic = geodesic, .shape = shape};
    read_geometry(&r, 0);
    if (r.usable == FN_USABLE && shape->n_paths == 0)
        r.usable = FN_UNUSABLE_EMPTY;
    if (r.usable != FN_USABLE || r.status != FN_OK)
        clear(shape);
    *usable = r.usable;
    if (r.status == FN_ERR_MEMORY)
        return fn_fail(err, r.status, "out of memory for a geometry of %zu bytes", bytes);
    if (r.status != FN_OK)
        return fn_fail(err, r.status, "a geometry has more than %u vertices", FN_NEAR_MAX);
    return FN_OK;
}

void fn_shape_destroy(fn_shape *shape)
{
    free(shape->xy);
    free(shape->paths);
    *shape = (fn_shape){0};
}

uint32_t fn_component_paths(const fn_path *paths, size_t n_paths, size_t first)
{
    size_t end = first + 1;
    if (paths[first].kind == FN_PATH_SHELL)
        while (end < n_paths && paths[end].kind == FN_PATH_HOLE)
            end++;
    return (uint32_t)(end - first);
}

void fn_paths_envelope(const double *xy, const fn_path *paths, uint32_t n, double envelope[4])
{
    envelope[0] = envelope[1] = INFINITY;
    envelope[2] = envelope[3] = -INFINITY;
    for (uint32_t j = 0; j < n; j++)
        for (uint32_t i = 0; i < paths[j].count; i++) {
            const double *p = xy + 2 * ((size_t)paths[j].first + i);
            envelope[0] = p[0] < envelope[0] ? p[0] : envelope[0];
            envelope[1] = p[1] < envelope[1] ? p[1] : envelope[1];
            envelope[2] = p[0] > envelope[2] ? p[0] : envelope[2];
            envelope[3] = p[1] > envelope[3] ? p[1] : envelope[3];
        }
}

fn_usable fn_wkb_usable(const void *wkb, size_t bytes, bool geodesic)
{
    fn_shape shape = {0};
    fn_usable usable;
    const fn_status status = fn_shape_from_wkb(&shape, wkb, bytes, geodesic, &usable, NULL);
    fn_shape_destroy(&shape);
    return status == FN_OK ? usable : FN_USABLE;
}
