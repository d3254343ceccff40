/* slope, aspect, hillshade, curvature, tpi, tri and roughness. */
#include <math.h>

#include "neighborhood_calls.h"

/* The edges of a window, and GDAL's own rule behind them. */
static const char *const edges[] = {"shrink", "nearest", "reflect", "wrap", "wrapx", "nodata", "gdal", NULL};
enum { EDGE_GDAL = FN_EDGE_NODATA + 1 };
static const char *const methods[] = {"horn", "zevenbergenthorne", NULL};
static const char *const units[] = {"degree", "percent", "degrees", NULL};
static const char *const angles[] = {"azimuth", "trigonometric", NULL};
static const char *const hillshades[] = {"regular", "combined", "multidirectional", "igor", NULL};
static const char *const curvatures[] = {"profile", "plan", "tangential", "mean", NULL};
static const char *const tris[] = {"riley", "wilson", NULL};

/* What is read, as long as nothing has failed. */
typedef struct reading {
    fn_parser *parser;
    fn_arguments *arguments;
    fn_status status;
} reading;

/* The place of a word among those that there are; `given` where there is none. */
static int choose(reading *r, int place, const char *name, const char *const *words, int given)
{
    if (r->status == FN_OK)
        r->status = fn_arguments_choice(r->parser, r->arguments, place, name, words, &given);
    return given;
}

static void read_number(reading *r, int place, const char *name, double *given)
{
    if (r->status == FN_OK)
        r->status = fn_arguments_number(r->parser, r->arguments, place, name, given);
}

/* What is of one function alone; place 0 is the first argument behind the raster. */
static void read_own(reading *r, fn_terrain_options *o)
{
    double size = o->size;
    switch (o->kind) {
    case FN_SLOPE:
        o->unit = (fn_slope_unit)(choose(r, -1, "unit", units, (int)o->unit) % 2); /* "degrees" are the first, too */
        break;
    case FN_ASPECT:
        o->angle = (fn_aspect_angle)choose(r, -1, "angle", angles, (int)o->angle);
        read_number(r, -1, "flat", &o->flat);
        break;
    case FN_HILLSHADE:
        read_number(r, 0, "azimuth", &o->azimuth);
        read_number(r, 1, "altitude", &o->altitude);
        o->hillshade = (fn_hillshade_kind)choose(r, -1, "variant", hillshades, (int)o->hillshade);
        break;
    case FN_CURVATURE:
        o->curvature = (fn_curvature_kind)choose(r, 0, "type", curvatures, (int)o->curvature);
        read_number(r, -1, "flat", &o->flat);
        break;
    case FN_TRI:
        o->tri = (fn_tri_kind)choose(r, -1, "variant", tris, (int)o->tri);
        read_number(r, 0, "size", &size);
        break;
    case FN_TPI:
    case FN_ROUGHNESS:
        read_number(r, 0, "size", &size);
        break;
    }
    o->size = size == floor(size) && fabs(size) < INT32_MAX ? (int)size : -1;
}

static bool has_derivatives(fn_terrain_kind kind)
{
    return kind == FN_SLOPE || kind == FN_ASPECT || kind == FN_HILLSHADE || kind == FN_CURVATURE;
}

static fn_status make_terrain(fn_parser *p, const fn_neighborhood_rule *rule, fn_arguments *a, uint32_t position,
                              fn_neighborhood *made)
{
    fn_terrain_options o = fn_terrain_defaults((fn_terrain_kind)rule->which);
    reading r = {p, a, FN_OK};
    read_own(&r, &o);
    if (has_derivatives(o.kind))
        o.method = (fn_terrain_method)choose(&r, -1, "method", methods, (int)o.method);
    read_number(&r, -1, "z", &o.z_factor);
    const int edge = choose(&r, -1, "edge", edges, FN_EDGE_SHRINK);
    if (r.status != FN_OK)
        return r.status;
    o.edge = edge == EDGE_GDAL ? FN_EDGE_GDAL : FN_EDGE_FIT;
    fn_error reason = {.text = ""};
    if (fn_terrain_init(&made->terrain, &o, p->options->georeference, &reason) != FN_OK)
        return fn_parser_complain(p, position, "'%s': %s", rule->rule.name, reason.text);
    made->kind = FN_TERRAIN;
    made->edge = edge == EDGE_GDAL ? FN_EDGE_SHRINK : (fn_edge)edge;
    const int32_t reach = fn_terrain_reach(&made->terrain);
    made->reach = (fn_reach){reach, reach, reach, reach};
    return FN_OK;
}

#define TERRAIN(name, which, more)                                                                                     \
    {                                                                                                                  \
        {name, FN_DO_NEIGHBORHOOD, FN_OP_COUNT, 1, 1, 0}, make_terrain, which, FN_REAL, name "(A" more ")"             \
    }

const fn_neighborhood_rule fn_terrain_rules[] = {
    TERRAIN("slope", FN_SLOPE, ", method=, unit=, z=, edge="),
    TERRAIN("aspect", FN_ASPECT, ", method=, angle=, flat=, z=, edge="),
    TERRAIN("hillshade", FN_HILLSHADE, ", azimuth, altitude, variant=, method=, z=, edge="),
    TERRAIN("curvature", FN_CURVATURE, ", type, method=, flat=, z=, edge="),
    TERRAIN("tpi", FN_TPI, ", size, z=, edge="),
    TERRAIN("tri", FN_TRI, ", size, variant=, z=, edge="),
    TERRAIN("roughness", FN_ROUGHNESS, ", size, z=, edge="),
};
const size_t fn_terrain_rule_count = sizeof fn_terrain_rules / sizeof *fn_terrain_rules;
