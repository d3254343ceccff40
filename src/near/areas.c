#include "areas.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "facets.h"

/* A polygon with this many vertices or more is prepared: its edges get a tree. This depends on the polygon alone, so
 * that an answer does not depend on what was asked before: the two ways differ in the last bits. */
#define PREPARED_FROM 100
/* Near polygons that are kept: places for them, and vertices of all. */
#define KEPT 4096
#define KEPT_VERTICES 1000000

/* A geometry of GEOS, made when it is first needed. */
typedef struct made {
    GEOSGeometry *geometry;
    const GEOSPreparedGeometry *prepared;
    size_t vertices;
} made;

struct fn_areas {
    const fn_near *set;
    GEOSContextHandle_t geos;
    char message[256]; /* of GEOS, when a call has failed */

    const fn_shape *query;
    fn_component *components;
    made *made_components;
    size_t n_components, components_cap, made_cap;

    struct {
        uint32_t path;
        made polygon;
    } kept[KEPT];
    size_t kept_vertices;
};

static void keep_message(const char *message, void *user)
{
    fn_areas *a = user;
    snprintf(a->message, sizeof a->message, "%s", message);
}

fn_areas *fn_areas_new(const fn_near *set)
{
    const GEOSContextHandle_t geos =
        GEOS_init_r(); /* first: its std::bad_alloc goes through us, and nothing may be held then */
    if (!geos)
        return NULL;
    fn_areas *a = calloc(1, sizeof *a);
    if (!a) {
        GEOS_finish_r(geos);
        return NULL;
    }
    a->set = set;
    a->geos = geos;
    GEOSContext_setErrorMessageHandler_r(a->geos, keep_message, a);
    return a;
}

static void unmake(fn_areas *a, made *m)
{
    if (m->prepared)
        GEOSPreparedGeom_destroy_r(a->geos, m->prepared);
    if (m->geometry)
        GEOSGeom_destroy_r(a->geos, m->geometry);
    *m = (made){0};
}

static void forget_kept(fn_areas *a)
{
    for (size_t i = 0; i < KEPT; i++)
        unmake(a, &a->kept[i].polygon);
    a->kept_vertices = 0;
}

static void forget_query(fn_areas *a)
{
    for (size_t i = 0; i < a->n_components; i++)
        unmake(a, &a->made_components[i]);
    a->n_components = 0;
}

void fn_areas_free(fn_areas *a)
{
    if (!a)
        return;
    forget_query(a);
    forget_kept(a);
    free(a->components);
    free(a->made_components);
    GEOS_finish_r(a->geos);
    free(a);
}

/* GEOS says why it failed in words alone: those of the exception. Without any it was our own allocation. */
static fn_status failed(fn_areas *a, fn_error *err)
{
    const bool memory = !a->message[0] || strstr(a->message, "bad_alloc");
    const fn_status status = memory ? fn_fail(err, FN_ERR_MEMORY, "out of memory for a geometry of GEOS")
                                    : fn_fail(err, FN_ERR_READ, "GEOS failed: %s", a->message);
    a->message[0] = '\0';
    return status;
}

/* ---- making geometries ---- */

static GEOSGeometry *make_path(fn_areas *a, const double *xy, const fn_path *path)
{
    GEOSCoordSequence *vertices =
        GEOSCoordSeq_copyFromBuffer_r(a->geos, xy + 2 * (size_t)path->first, path->count, 0, 0);
    if (!vertices)
        return NULL;
    if (path->count == 1)
        return GEOSGeom_createPoint_r(a->geos, vertices);
    return path->kind == FN_PATH_LINE ? GEOSGeom_createLineString_r(a->geos, vertices)
                                      : GEOSGeom_createLinearRing_r(a->geos, vertices);
}

static GEOSGeometry *make_polygon(fn_areas *a, const double *xy, const fn_path *paths, uint32_t n)
{
    GEOSGeometry *shell = make_path(a, xy, paths), **holes = NULL;
    uint32_t made_holes = 0;
    if (shell && n > 1 && (holes = malloc((n - 1) * sizeof(GEOSGeometry *))))
        while (made_holes < n - 1 && (holes[made_holes] = make_path(a, xy, paths + 1 + made_holes)))
            made_holes++;
    GEOSGeometry *polygon = NULL;
    if (shell && made_holes == n - 1)
        polygon = GEOSGeom_createPolygon_r(a->geos, shell, holes, made_holes); /* takes the rings, also when it fails */
    else {
        for (uint32_t i = 0; i < made_holes; i++)
            GEOSGeom_destroy_r(a->geos, holes[i]);
        if (shell)
            GEOSGeom_destroy_r(a->geos, shell);
    }
    free(holes);
    return polygon;
}

static bool make(fn_areas *a, made *m, const double *xy, const fn_path *paths, uint32_t n)
{
    if (m->geometry)
        return true;
    m->geometry = paths[0].kind == FN_PATH_SHELL ? make_polygon(a, xy, paths, n) : make_path(a, xy, paths);
    for (uint32_t i = 0; m->geometry && i < n; i++)
        m->vertices += paths[i].count;
    return m->geometry != NULL;
}

static bool prepare(fn_areas *a, made *m)
{
    if (!m->prepared)
        m->prepared = GEOSPrepare_r(a->geos, m->geometry);
    return m->prepared != NULL;
}

static made *near_polygon(fn_areas *a, const fn_polygon *polygon)
{
    const uint32_t place = (polygon->path * UINT32_C(2654435769)) >> 20;
    made *m = &a->kept[place].polygon;
    if (m->geometry && a->kept[place].path == polygon->path)
        return m;
    a->kept_vertices -= m->vertices;
    unmake(a, m);
    const fn_path *paths = a->set->paths + polygon->path;
    if (!make(a, m, a->set->xy, paths, fn_component_paths(a->set->paths, a->set->n_paths, polygon->path)))
        return NULL;
    a->kept[place].path = polygon->path;
    a->kept_vertices += m->vertices;
    return m;
}

/* ---- a query ---- */

fn_status fn_areas_begin(fn_areas *a, const fn_shape *query, fn_error *err)
{
    forget_query(a);
    if (a->kept_vertices > KEPT_VERTICES)
        forget_kept(a);
    a->query = query;
    if (!fn_reserve(&a->components, &a->components_cap, query->n_paths, sizeof *a->components) ||
        !fn_reserve(&a->made_components, &a->made_cap, query->n_paths, sizeof *a->made_components))
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for a geometry of %zu parts", query->n_paths);
    for (uint32_t i = 0; i < query->n_paths;) {
        fn_component *c = &a->components[a->n_components];
        a->made_components[a->n_components++] = (made){0};
        c->path = i;
        c->n_paths = fn_component_paths(query->paths, query->n_paths, i);
        fn_paths_envelope(query->xy, query->paths + i, c->n_paths, c->envelope);
        i += c->n_paths;
    }
    return FN_OK;
}

const fn_component *fn_areas_components(const fn_areas *a, size_t *n)
{
    *n = a->n_components;
    return a->components;
}

static made *component_of(fn_areas *a, size_t component)
{
    const fn_component *c = &a->components[component];
    made *m = &a->made_components[component];
    return make(a, m, a->query->xy, a->query->paths + c->path, c->n_paths) ? m : NULL;
}

static bool is_polygon(const fn_areas *a, size_t component)
{
    return a->query->paths[a->components[component].path].kind == FN_PATH_SHELL;
}

/* The two as geometries of GEOS. *prepared: the one of them that is to be asked; NULL: neither. Prepared lines are not
 * used: GEOS 3.11 does not see that a line lies inside of a polygon. */
static fn_status make_both(fn_areas *a, size_t component, const fn_polygon *polygon, made **query, made **near,
                           const GEOSPreparedGeometry **prepared, fn_error *err)
{
    made *q = component_of(a, component), *n = near_polygon(a, polygon), *wanted = NULL;
    *prepared = NULL;
    *query = q;
    *near = n;
    if (!q || !n)
        return failed(a, err);
    if (n->vertices >= PREPARED_FROM && (n->vertices >= q->vertices || !is_polygon(a, component)))
        wanted = n;
    else if (q->vertices >= PREPARED_FROM && is_polygon(a, component))
        wanted = q;
    if (wanted && !prepare(a, wanted))
        return failed(a, err);
    *prepared = wanted ? wanted->prepared : NULL;
    return FN_OK;
}

static fn_status distance(fn_areas *a, size_t component, const fn_polygon *polygon, double *result, fn_error *err)
{
    made *q, *n;
    const GEOSPreparedGeometry *prepared;
    const fn_status status = make_both(a, component, polygon, &q, &n, &prepared, err);
    if (status != FN_OK)
        return status;
    const int ok = !prepared ? GEOSDistance_r(a->geos, q->geometry, n->geometry, result)
                             : GEOSPreparedDistance_r(a->geos, prepared,
                                                      prepared == n->prepared ? q->geometry : n->geometry, result);
    return ok == 1 ? FN_OK : failed(a, err);
}

static size_t vertices_of(const fn_path *paths, uint32_t n)
{
    size_t vertices = 0;
    for (uint32_t i = 0; i < n; i++)
        vertices += paths[i].count;
    return vertices;
}

/* Whether f has the first vertex of `other` inside, where no edges of theirs meet: as fn_facets_contain(). */
static int contains(const fn_facets *f, const fn_facets *other)
{
    const double *p = other->xy + 2 * (size_t)other->paths->first;
    const bool is_in_box = p[0] >= f->lo[0] && p[0] <= f->hi[0] && p[1] >= f->lo[1] && p[1] <= f->hi[1];
    return is_in_box && f->paths->kind == FN_PATH_SHELL ? fn_facets_contain(f, p) : 0;
}

/* Where neither is prepared: distances of edges, by the formulas of GEOS, to the last bit. Where no edges meet, the one
 * may contain the other still. False: GEOS is to be asked. */
static bool by_edges(const fn_areas *a, size_t component, const fn_polygon *polygon, const double lo[2],
                     const double hi[2], double most, double *result)
{
    const fn_component *c = &a->components[component];
    const fn_path *paths = a->set->paths + polygon->path;
    const fn_facets query = {a->query->xy, a->query->paths + c->path, c->n_paths, c->envelope, c->envelope + 2};
    const fn_facets near = {a->set->xy, paths, fn_component_paths(a->set->paths, a->set->n_paths, polygon->path), lo,
                            hi};
    if (vertices_of(query.paths, query.n_paths) >= PREPARED_FROM || vertices_of(paths, near.n_paths) >= PREPARED_FROM)
        return false;
    *result = fn_facet_distance(&query, &near, most);
    if (*result == 0)
        return true;
    int inside = contains(&near, &query);
    if (inside == 0)
        inside = contains(&query, &near);
    if (inside > 0)
        *result = 0;
    return inside >= 0;
}

fn_status fn_areas_distance(fn_areas *a, size_t component, const fn_polygon *polygon, const double lo[2],
                            const double hi[2], double most, double *result, fn_error *err)
{
    return by_edges(a, component, polygon, lo, hi, most, result) ? FN_OK : distance(a, component, polygon, result, err);
}

static bool read_points(fn_areas *a, GEOSCoordSequence *points, double p[2], double q[2])
{
    const bool ok = points && GEOSCoordSeq_getXY_r(a->geos, points, 0, &p[0], &p[1]) == 1 &&
                    GEOSCoordSeq_getXY_r(a->geos, points, 1, &q[0], &q[1]) == 1;
    if (points)
        GEOSCoordSeq_destroy_r(a->geos, points);
    return ok;
}

fn_status fn_areas_nearest(fn_areas *a, size_t component, const fn_polygon *polygon, double d, double from[2],
                           double near[2], fn_error *err)
{
    const fn_component *c = &a->components[component];
    const fn_path *path = &a->query->paths[c->path];
    if (d == 0 && path->count == 1) {
        memcpy(from, a->query->xy + 2 * (size_t)path->first, 2 * sizeof(double));
        memcpy(near, from, 2 * sizeof(double));
        return FN_OK;
    }
    made *q, *n;
    const GEOSPreparedGeometry *prepared;
    const fn_status status = make_both(a, component, polygon, &q, &n, &prepared, err);
    if (status != FN_OK)
        return status;
    bool ok;
    if (d > 0 && prepared && prepared == n->prepared) /* the prepared geometry's point comes first */
        ok = read_points(a, GEOSPreparedNearestPoints_r(a->geos, prepared, q->geometry), near, from);
    else if (d > 0 && prepared)
        ok = read_points(a, GEOSPreparedNearestPoints_r(a->geos, prepared, n->geometry), from, near);
    else /* where they overlap, prepared ones give points of the edges */
        ok = read_points(a, GEOSNearestPoints_r(a->geos, q->geometry, n->geometry), from, near);
    if (!ok)
        return a->message[0] ? failed(a, err)
                             : fn_fail(err, FN_ERR_READ, "GEOS finds no nearest points of two geometries");
    if (d == 0)
        memcpy(near, from, 2 * sizeof(double));
    return FN_OK;
}

fn_status fn_areas_covers(fn_areas *a, size_t component, const double point[2], bool *covers, fn_error *err)
{
    *covers = false;
    made *q = component_of(a, component);
    if (!q || !prepare(a, q))
        return failed(a, err);
    GEOSGeometry *p = GEOSGeom_createPointFromXY_r(a->geos, point[0], point[1]);
    if (!p)
        return failed(a, err);
    const char answer = GEOSPreparedIntersects_r(a->geos, q->prepared, p);
    GEOSGeom_destroy_r(a->geos, p);
    if (answer == 2)
        return failed(a, err);
    *covers = answer == 1;
    return FN_OK;
}
