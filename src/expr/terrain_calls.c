/* slope, aspect, hillshade, curvature, tpi, tri and roughness. */
#include <math.h>

#include "neighborhood_calls.h"

/* The edges of a window, and GDAL's own rule behind them. */
static const char *const edges[] = {"shrink", "nearest", "reflect", "wrap", "wrapx", "nodata", "gdal", NULL};
enum { EDGE_GDAL = FN_EDGE_NODATA + 1 };
static const char *const methods[] = {"horn", "zevenbergenthorne", NULL};
static const char *const units[] = {"degree", "percent", NULL};
static const char *const angles[] = {"azimuth", "trigonometric", NULL};
static const char *const hillshades[] = {"regular", "combined", "multidirectional", "igor", NULL};
static const char *const curvatures[] = {"profile", "plan", "tangential", "mean", NULL};
static const char *const tris[] = {"riley", "wilson", NULL};

/* A choice among words whose places are the values of an enum. */
#define CHOOSE(place, name, words, field)                                                                              \
    do {                                                                                                               \
        int chosen = (int)(field);                                                                                     \
        status = status == FN_OK ? fn_arguments_choice(p, a, place, name, words, &chosen) : status;                    \
        field = chosen;                                                                                                \
    } while (0)
#define NUMBER(place, name, field) status = status == FN_OK ? fn_arguments_number(p, a, place, name, &(field)) : status

/* What is of one function alone; place 0 is the first argument behind the raster. */
static fn_status read_own(fn_parser *p, fn_arguments *a, fn_terrain_options *o)
{
    fn_status status = FN_OK;
    double size = o->size;
    switch (o->kind) {
    case FN_SLOPE:
        CHOOSE(-1, "unit", units, o->unit);
        break;
    case FN_ASPECT:
        CHOOSE(-1, "angle", angles, o->angle);
        NUMBER(-1, "flat", o->flat);
        break;
    case FN_HILLSHADE:
        NUMBER(0, "azimuth", o->azimuth);
        NUMBER(1, "altitude", o->altitude);
        CHOOSE(-1, "variant", hillshades, o->hillshade);
        break;
    case FN_CURVATURE:
        CHOOSE(0, "type", curvatures, o->curvature);
        NUMBER(-1, "flat", o->flat);
        break;
    case FN_TRI:
        CHOOSE(-1, "variant", tris, o->tri);
        NUMBER(0, "size", size);
        break;
    case FN_TPI:
    case FN_ROUGHNESS:
        NUMBER(0, "size", size);
        break;
    }
    o->size = size == floor(size) && fabs(size) < INT32_MAX ? (int)size : -1;
    return status;
}

static bool has_derivatives(fn_terrain_kind kind)
{
    return kind == FN_SLOPE || kind == FN_ASPECT || kind == FN_HILLSHADE || kind == FN_CURVATURE;
}

static fn_status make_terrain(fn_parser *p, const fn_neighborhood_rule *rule, fn_arguments *a, uint32_t position,
                              fn_neighborhood *made)
{
    fn_terrain_options o = fn_terrain_defaults((fn_terrain_kind)rule->which);
    int edge = FN_EDGE_SHRINK;
    fn_status status = read_own(p, a, &o);
    if (has_derivatives(o.kind))
        CHOOSE(-1, "method", methods, o.method);
    NUMBER(-1, "z", o.z_factor);
    CHOOSE(-1, "edge", edges, edge);
    if (status != FN_OK)
        return status;
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
