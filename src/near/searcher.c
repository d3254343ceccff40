/* Searching a set: which items to look at, in what order, and when to stop. The distances themselves are in
 * planar.h, areas.h and geodetic.h.
 *
 * Nothing is missed, and the answer does not depend on the order of looking: a box is passed over only when the
 * distance to it exceeds the worst distance that still counts. In the plane the computed distance to a box is never
 * above that of what is in it (rounding is monotone; an item's distance is raised to that of its own box where
 * rounding made it smaller). Geodesic distances are searched by straight lines in space: a bound in metres along the
 * ellipsoid becomes a bound for chords by fn_geo_chord_max(). Where chords are too long to decide, sights
 * (fn_geo_sight) do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "areas.h"
#include "array.h"
#include "fishnet/job.h"
#include "near_internal.h"
#include "planar.h"
#include "ranking.h"

/* The same code for several instruction sets, chosen when the program starts. No result depends on it. */
#if defined(FN_X86) && !defined(FN_SANITIZED)
#define FN_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define FN_CLONES
#endif

#define DEGREES (180 / 3.14159265358979323846)
#define WIDER (1 + 4 * 2.220446049250313e-16) /* for squares of rounded roots */

/* What a candidate's item is. Of several at the same distance the lowest kind is taken. */
enum {
    KIND_POINT,
    KIND_CHAIN,
    KIND_POLYGON,      /* planar; part: component of the query */
    KIND_AROUND,       /* a polygon that contains the first vertex of chain `part` of the query (geodesic) */
    KIND_POINT_INSIDE, /* a point in a polygon of the query */
    KIND_CHAIN_INSIDE  /* a chain whose first vertex is in a polygon of the query */
};

/* A few segments, or a point, of the query. Boxes as in the trees. */
typedef struct query_chain {
    uint32_t first, segments;
    double lo[3], hi[3];
    /* Geodesic: how far its edges leave their chords; and all of it, in a straight line, its middle vertex. */
    double bulge, reach;
} query_chain;

typedef enum measure { PLANAR, CHORD, GEODESIC } measure;

struct fn_searcher {
    const fn_near *set;
    fn_near_limits limits;
    bool geodesic;
    int dims;

    /* The query. */
    fn_shape shape, cut;
    const fn_shape *query;
    double *space; /* geodesic: its vertices, earth-centred */
    size_t space_cap;
    query_chain *chains;
    size_t n_chains, chains_cap;
    const fn_index *index;
    double limit;      /* the radius, or less when that is known to be enough */
    uint32_t excluded; /* rank */
    bool excludes_fid; /* in every layer */
    int64_t excluded_fid;
    fn_ring_index *rings;           /* geodesic: of its paths, once they are needed */
    size_t asked;                   /* how often, whether something is in the polygon at hand */
    double one_xy[2], one_space[3]; /* a query that is a point */
    fn_path one_path;
    fn_shape one_shape;

    /* The search. */
    measure measure;
    fn_ranking ranking;
    fn_candidate *kept; /* of it, while it is needed for something else */
    size_t kept_cap;
    uint64_t *seen; /* by rank, for the ranking */
    uint32_t *place;
    double bound2;          /* square of the largest distance, or chord, that may still count */
    double tie2;            /* from here on the rank may decide */
    double sure2; /* geodesic: whoever has a chord below its root counts, about; between the two sights decide */
    uint64_t *banned,
        ban; /* by rank: features that are nearer than the least distance, marked by the number of the search */
    bool banning;
    fn_status status;
    fn_error *err;
    const volatile bool *cancel; /* or NULL */
    uint64_t looks;              /* at boxes and items, ever */

    fn_areas *areas; /* made when a polygon is first met */
    bool areas_begun;
    struct entry *queue;
    size_t queue_cap;

    fn_neighbour *found;
    size_t found_cap;
};

fn_status fn_searcher_new(const fn_near *set, const fn_near_limits *limits, fn_searcher **out, fn_error *err)
{
    *out = NULL;
    if (!set->built)
        return fn_fail(err, FN_ERR_ARGUMENT, "the set of near features has not been built");
    if (limits->closest == 0 || !(limits->radius >= 0) || !(limits->min_radius >= 0))
        return fn_fail(err, FN_ERR_ARGUMENT, "a search needs at least 1 neighbour, and radii of 0 or more");
    fn_searcher *s = calloc(1, sizeof *s);
    bool ok = s != NULL;
    if (ok) {
        s->set = set;
        s->limits = *limits;
        s->geodesic = set->options.geodesic;
        s->dims = s->geodesic ? 3 : 2;
        s->ranking.k = limits->closest;
        s->one_path = (fn_path){0, 1, FN_PATH_POINT};
        s->one_shape =
            (fn_shape){.xy = s->one_xy, .n_vertices = 1, .paths = &s->one_path, .n_paths = 1, .has_points = true};
        const size_t n = set->n ? set->n : 1;
        if (limits->min_radius > 0)
            ok = (s->banned = calloc(n, sizeof *s->banned)) != NULL;
    }
    if (!ok) {
        fn_searcher_free(s);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    *out = s;
    return FN_OK;
}

void fn_searcher_free(fn_searcher *s)
{
    if (!s)
        return;
    fn_areas_free(s->areas);
    fn_ranking_destroy(&s->ranking);
    free(s->kept);
    free(s->seen);
    free(s->place);
    fn_shape_destroy(&s->shape);
    fn_shape_destroy(&s->cut);
    free(s->space);
    free(s->chains);
    free(s->banned);
    free(s->queue);
    free(s->found);
    free(s);
}

uint64_t fn_searcher_looks(const fn_searcher *s)
{
    return s->looks;
}

static void fail(fn_searcher *s, fn_status status)
{
    if (s->status == FN_OK)
        s->status = status;
}

static void no_memory(fn_searcher *s)
{
    if (s->status == FN_OK)
        s->status = fn_fail(s->err, FN_ERR_MEMORY, "out of memory for neighbours, after %zu of them", s->ranking.n);
}

/* ---- candidates ---- */

/* Square of the longest chord of what is that near on the ellipsoid. */
static double square_of_chord(const fn_searcher *s, double distance)
{
    const double chord = distance < INFINITY ? fn_geo_chord_max(&s->set->ellipsoid, distance) : INFINITY;
    return chord * chord * WIDER;
}

/* The square to compare with, of boxes and of what is that near in the measure of the search. */
static double square_of(const fn_searcher *s, double distance)
{
    return s->measure == GEODESIC ? square_of_chord(s, distance) : distance * distance * WIDER;
}

static void update_bound(fn_searcher *s)
{
    const double bound = s->ranking.bound;
    s->bound2 = square_of(s, bound);
    s->tie2 = s->measure != GEODESIC ? bound * bound / WIDER : bound > 0 ? INFINITY : 0;
    s->sure2 = INFINITY;
    if (s->measure == GEODESIC && bound < INFINITY) {
        const double r = s->set->ellipsoid.b * s->set->ellipsoid.b / s->set->ellipsoid.a; /* as in fn_geo_bulge */
        const double chord = 2 * r * sin(fmin(bound / (2 * r), 90 / DEGREES));
        s->sure2 = chord * chord;
    }
}

static void begin(fn_searcher *s, measure m, double limit)
{
    s->measure = m;
    fn_ranking_begin(&s->ranking, limit);
    update_bound(s);
}

static bool is_excluded(const fn_searcher *s, uint32_t rank)
{
    if (rank == s->excluded)
        return true;
    return s->excludes_fid && s->set->fid[fn_feature_of_rank(s->set, rank)] == s->excluded_fid;
}

static bool wants(const fn_searcher *s, double distance, uint32_t rank)
{
    return fn_ranking_wants(&s->ranking, distance, rank);
}

static const fn_twins *twins_of(const fn_searcher *s, uint32_t kind)
{
    if (kind == KIND_POLYGON || kind == KIND_AROUND)
        return &s->index->polygon_twins;
    return kind == KIND_POINT || kind == KIND_POINT_INSIDE ? &s->index->point_twins : &s->index->chain_twins;
}

/* Whether an item is nobody's but that feature's. */
static bool is_alone(const fn_searcher *s, uint32_t kind, size_t item)
{
    const fn_twins *twins = twins_of(s, kind);
    return !twins->first || twins->first[item] == twins->first[item + 1];
}

/* Whether an item, of that feature and its twins, is of no use. */
static bool is_useless(const fn_searcher *s, uint32_t rank, uint32_t kind, size_t item)
{
    return is_excluded(s, rank) && is_alone(s, kind, item);
}

static void offer_feature(fn_searcher *s, const fn_candidate *candidate)
{
    if (is_excluded(s, candidate->rank))
        return;
    if (s->banning) {
        s->banned[candidate->rank] = s->ban;
        return;
    }
    if (s->banned && s->banned[candidate->rank] == s->ban)
        return;
    const double before = s->ranking.bound;
    if (!fn_ranking_offer(&s->ranking, candidate))
        no_memory(s);
    if (s->ranking.bound != before)
        update_bound(s);
}

/* An item, which is that far from part `part` of the query, for the feature of that rank and its twins: they have
 * higher ones. */
static void offer(fn_searcher *s, double distance, uint32_t rank, uint32_t kind, size_t item, size_t part)
{
    if (!wants(s, distance, rank))
        return;
    if (s->banned) {
        const bool too_near = distance < s->limits.min_radius,
                   once = !s->ranking.seen; /* no feature is another item, too */
        if (s->banning ? !too_near : (too_near && s->measure != CHORD) || (once && s->banned[rank] == s->ban))
            return;
        if (s->banning && once) { /* for all twins */
            s->banned[rank] = s->ban;
            return;
        }
    }
    fn_candidate candidate = {distance, rank, (uint32_t)item, (uint32_t)part, kind};
    offer_feature(s, &candidate);
    const fn_twins *twins = twins_of(s, kind);
    for (size_t i = twins->first ? twins->first[item] : 0, end = twins->first ? twins->first[item + 1] : 0; i < end;
         i++) {
        candidate.rank = twins->rank[i];
        if (!wants(s, distance, candidate.rank) || s->status != FN_OK)
            break;
        offer_feature(s, &candidate);
    }
}

/* What lies farther than this cannot change the answer for the feature of an item, which may have been met already.
 * -1: nothing can. */
static double bound_of(const fn_searcher *s, uint32_t rank, uint32_t kind, size_t item)
{
    const fn_ranking *r = &s->ranking;
    if ((s->banning || r->seen) && !is_alone(s, kind, item))
        return r->bound;
    if (s->banning)
        return s->banned[rank] == s->ban ? -1 : r->bound;
    if (!r->seen || r->seen[rank] != r->search)
        return r->bound;
    return fmin(r->bound, r->list[r->place[rank]].distance);
}

/* The same as a square, as bound2. */
static double square_of_bound(const fn_searcher *s, double bound)
{
    return bound == s->ranking.bound ? s->bound2 : bound < 0 ? -1 : square_of(s, bound);
}

/* ---- walking a tree ---- */

typedef struct step {
    double d2;
    uint32_t place;
    int level;
} step;

typedef void (*visit)(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part);
typedef bool (*pass_over)(const fn_searcher *s, const fn_tree *tree, const step *box, size_t part);

static uint32_t least_rank(const fn_tree *tree, const step *box)
{
    return fn_tree_least(tree, box->level + 1, box->place);
}

/* Whether all in a box can at best be as near as the last that counts, and none of them comes before that. */
static inline bool too_late(const fn_searcher *s, const fn_tree *tree, const step *box)
{
    return box->d2 >= s->tie2 && !wants(s, s->measure == GEODESIC ? 0 : sqrt(box->d2), least_rank(tree, box));
}

/* Now and then, whether the answer is still wanted. */
static inline void look_up(fn_searcher *s)
{
    enum { OFTEN = 64 };
    if (++s->looks % OFTEN == 0 && s->cancel && fn_is_cancelled(s->cancel) && s->status == FN_OK)
        s->status = fn_fail(s->err, FN_ERR_CANCELLED, "cancelled");
}

/* Visits the items whose box is within *bound2 (which may shrink meanwhile) of the box lo..hi, FN_FANOUT at a time.
 * Depth first, always into the nearest box, so that the bound is tight soon; most of the others are then dropped
 * unopened, or by `over` (may be NULL). */
static inline __attribute__((always_inline)) void walk(fn_searcher *s, const fn_tree *tree, int dims, const double *lo,
                                                       const double *hi, const double *bound2, size_t part, visit leaf,
                                                       pass_over over)
{
    step stack[FN_LEVELS * FN_FANOUT];
    _Alignas(64) double d2[FN_FANOUT];
    size_t depth = 0;
    step at = {0, 0, tree->levels - 1}; /* the box we are in; its level is that of the boxes in it */
    if (at.level < 0)
        return;
    for (;;) {
        const size_t first = (size_t)at.place * FN_FANOUT;
        const int level = at.level;
        step next = {INFINITY, UINT32_MAX, level - 1};
        look_up(s);
        fn_tree_distances(tree, dims, level, first, lo, hi, d2);
        const double most = *bound2;
        if (level > 0) {
            const size_t n = tree->count[level] - first < FN_FANOUT ? tree->count[level] - first : FN_FANOUT;
            for (size_t j = 0; j < n; j++) {
                if (d2[j] > most)
                    continue;
                step here = {d2[j], (uint32_t)(first + j), level - 1};
                if (next.place == UINT32_MAX || here.d2 < next.d2 ||
                    (here.d2 == next.d2 && least_rank(tree, &here) < least_rank(tree, &next))) {
                    const step before = next;
                    next = here;
                    here = before;
                }
                stack[depth] = here;
                depth += here.place != UINT32_MAX;
            }
        } else
            leaf(s, tree, first, d2, part);
        for (at = next;
             at.place == UINT32_MAX || at.d2 > *bound2 || too_late(s, tree, &at) || (over && over(s, tree, &at, part));
             at = stack[--depth])
            if (depth == 0)
                return;
        if (s->status != FN_OK)
            return;
    }
}

static size_t leaf_size(const fn_tree *tree, size_t first)
{
    return tree->count[0] - first < FN_FANOUT ? tree->count[0] - first : FN_FANOUT;
}

/* ---- planar: points and chains ---- */

static const double *query_xy(const fn_searcher *s, size_t part)
{
    return s->query->xy + 2 * (size_t)s->chains[part].first;
}

static void copy_point(const fn_searcher *s, size_t item, double p[2])
{
    p[0] = fn_tree_lo(&s->index->points, 0, 0)[item];
    p[1] = fn_tree_lo(&s->index->points, 0, 1)[item];
}

/* The nearest of a leaf: taken first, it tells most of the others off. */
static size_t nearest_of(const double *d2, size_t n)
{
    size_t nearest = 0;
    double least = d2[0];
    for (size_t j = 1; j < n; j++) {
        nearest = d2[j] < least ? j : nearest;
        least = d2[j] < least ? d2[j] : least;
    }
    return nearest;
}

static void visit_points_by_point(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    const size_t n = leaf_size(tree, first), nearest = nearest_of(d2, n);
    if (d2[nearest] > s->bound2)
        return;
    offer(s, sqrt(d2[nearest]), s->index->point_rank[first + nearest], KIND_POINT, first + nearest, part);
    for (size_t j = 0; j < n; j++)
        if (d2[j] <= s->bound2 && j != nearest)
            offer(s, sqrt(d2[j]), s->index->point_rank[first + j], KIND_POINT, first + j, part);
}

static void visit_points(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    const size_t n = leaf_size(tree, first);
    for (size_t j = 0; j < n; j++)
        if (d2[j] <= s->bound2) {
            double p[2];
            copy_point(s, first + j, p);
            const double d = fn_planar_distance(query_xy(s, part), s->chains[part].segments, p, 0, NULL);
            offer(s, fmax(d, sqrt(d2[j])), s->index->point_rank[first + j], KIND_POINT, first + j, part);
        }
}

static void meet_chain(fn_searcher *s, size_t item, double d2, size_t part)
{
    const fn_chain *chain = &s->index->chain[item];
    if (d2 > square_of_bound(s, bound_of(s, chain->rank, KIND_CHAIN, item)))
        return;
    const double d = fn_planar_distance(query_xy(s, part), s->chains[part].segments,
                                        s->set->xy + 2 * (size_t)chain->first, chain->segments, NULL);
    const double least = sqrt(d2);
    offer(s, d > least ? d : least, chain->rank, KIND_CHAIN, item, part);
}

static void visit_chains(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    const size_t n = leaf_size(tree, first), nearest = nearest_of(d2, n);
    if (d2[nearest] > s->bound2)
        return;
    meet_chain(s, first + nearest, d2[nearest], part);
    for (size_t j = 0; j < n; j++)
        if (d2[j] <= s->bound2 && j != nearest)
            meet_chain(s, first + j, d2[j], part);
}

/* ---- planar: polygons, nearest envelope first ---- */

typedef struct entry {
    double d2;
    uint32_t rank, place; /* rank: of a box, the lowest in it */
    int level;            /* -1: an item */
} entry;

static bool sooner(const entry *a, const entry *b)
{
    return a->d2 < b->d2 || (a->d2 == b->d2 && (a->rank < b->rank || (a->rank == b->rank && a->level > b->level)));
}

static void push(fn_searcher *s, size_t *n, entry e)
{
    if (!fn_reserve(&s->queue, &s->queue_cap, *n + 1, sizeof *s->queue)) {
        no_memory(s);
        return;
    }
    size_t at = (*n)++;
    for (size_t parent; at > 0 && sooner(&e, &s->queue[parent = (at - 1) / 2]); at = parent)
        s->queue[at] = s->queue[parent];
    s->queue[at] = e;
}

static entry pop(fn_searcher *s, size_t *n)
{
    const entry top = s->queue[0], last = s->queue[--*n];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < *n; at = child) {
        child += child + 1 < *n && sooner(&s->queue[child + 1], &s->queue[child]);
        if (!sooner(&s->queue[child], &last))
            break;
        s->queue[at] = s->queue[child];
    }
    if (*n > 0)
        s->queue[at] = last;
    return top;
}

static bool begin_areas(fn_searcher *s)
{
    if (!s->areas && !(s->areas = fn_areas_new(s->set)))
        no_memory(s);
    if (s->status == FN_OK && !s->areas_begun)
        fail(s, fn_areas_begin(s->areas, s->query, s->err));
    s->areas_begun = true;
    return s->status == FN_OK;
}

static void search_polygons_from(fn_searcher *s, const fn_component *from, size_t component)
{
    const fn_tree *tree = &s->index->polygons;
    const double *lo = from->envelope, *hi = from->envelope + 2;
    double d2[FN_FANOUT];
    size_t n = 0;
    push(s, &n, (entry){0, 0, 0, tree->levels - 1});
    while (n > 0 && s->status == FN_OK) {
        const entry e = pop(s, &n);
        look_up(s);
        if (e.d2 > s->bound2)
            break;
        if (!wants(s, sqrt(e.d2), e.rank))
            continue;
        if (e.level < 0) {
            const fn_polygon *polygon = &s->index->polygon[e.place];
            const double least = sqrt(e.d2);
            double d = 0;
            if (is_useless(s, polygon->rank, KIND_POLYGON, e.place))
                continue;
            fail(s, fn_areas_distance(s->areas, component, polygon, &d, s->err));
            if (s->status == FN_OK)
                offer(s, fmax(d, least), polygon->rank, KIND_POLYGON, e.place, component);
            continue;
        }
        const size_t first = (size_t)e.place * FN_FANOUT;
        const size_t count = tree->count[e.level] - first < FN_FANOUT ? tree->count[e.level] - first : FN_FANOUT;
        fn_tree_distances(tree, 2, e.level, first, lo, hi, d2);
        for (size_t j = 0; j < count && s->status == FN_OK; j++)
            if (d2[j] <= s->bound2)
                push(s, &n,
                     (entry){d2[j],
                             e.level == 0 ? s->index->polygon[first + j].rank : fn_tree_least(tree, e.level, first + j),
                             (uint32_t)(first + j), e.level - 1});
    }
}

static void search_polygons(fn_searcher *s)
{
    if (s->index->polygons.levels == 0 || !begin_areas(s))
        return;
    size_t n;
    const fn_component *components = fn_areas_components(s->areas, &n);
    for (size_t i = 0; i < n && s->status == FN_OK; i++)
        search_polygons_from(s, &components[i], i);
}

/* ---- planar: what lies in the query's polygons ---- */

static void offer_if_inside(fn_searcher *s, const double *p, uint32_t rank, uint32_t kind, size_t item,
                            size_t component)
{
    bool inside = false;
    if (!wants(s, 0, rank) || is_useless(s, rank, kind, item))
        return;
    fail(s, fn_areas_covers(s->areas, component, p, &inside, s->err));
    if (inside && s->status == FN_OK)
        offer(s, 0, rank, kind, item, component);
}

static void visit_points_inside(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t component)
{
    const size_t n = leaf_size(tree, first);
    for (size_t j = 0; j < n; j++)
        if (d2[j] == 0) {
            double p[2];
            copy_point(s, first + j, p);
            offer_if_inside(s, p, s->index->point_rank[first + j], KIND_POINT_INSIDE, first + j, component);
        }
}

static void visit_chains_inside(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t component)
{
    const size_t n = leaf_size(tree, first);
    for (size_t j = 0; j < n; j++)
        if (d2[j] == 0) {
            const fn_chain *chain = &s->index->chain[first + j];
            offer_if_inside(s, s->set->xy + 2 * (size_t)chain->first, chain->rank, KIND_CHAIN_INSIDE, first + j,
                            component);
        }
}

static void search_inside(fn_searcher *s)
{
    if (!s->query->has_area || (s->index->points.levels == 0 && s->index->chains.levels == 0) || !begin_areas(s))
        return;
    const double touching = 0;
    size_t n;
    const fn_component *components = fn_areas_components(s->areas, &n);
    for (size_t i = 0; i < n && s->status == FN_OK; i++)
        if (s->query->paths[components[i].path].kind == FN_PATH_SHELL) {
            const double *lo = components[i].envelope, *hi = components[i].envelope + 2;
            walk(s, &s->index->points, 2, lo, hi, &touching, i, visit_points_inside, NULL);
            walk(s, &s->index->chains, 2, lo, hi, &touching, i, visit_chains_inside, NULL);
        }
}

FN_CLONES static void search_planar(fn_searcher *s)
{
    search_inside(s);
    for (size_t i = 0; i < s->n_chains && s->status == FN_OK; i++) {
        const query_chain *c = &s->chains[i];
        if (c->segments == 0)
            walk(s, &s->index->points, 2, c->lo, c->hi, &s->bound2, i, visit_points_by_point, NULL);
        else
            walk(s, &s->index->points, 2, c->lo, c->hi, &s->bound2, i, visit_points, NULL);
        walk(s, &s->index->chains, 2, c->lo, c->hi, &s->bound2, i, visit_chains, NULL);
    }
    search_polygons(s);
}

/* ---- geodesic ---- */

static double square_between(const double *p, const double *q)
{
    const double x = p[0] - q[0], y = p[1] - q[1], z = p[2] - q[2];
    return x * x + y * y + z * z;
}

/* Square of the straight distance from p to the chord ab. */
static double square_to_chord(const double *p, const double *a, const double *b)
{
    const double length2 = square_between(a, b);
    double t = 0;
    if (length2 > 0) {
        t = ((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1]) + (p[2] - a[2]) * (b[2] - a[2])) / length2;
        t = t > 0 ? (t < 1 ? t : 1) : 0;
    }
    const double foot[3] = {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])};
    return square_between(p, foot);
}

/* Vertices of a run in both forms; segments 0: a point. */
typedef struct run {
    const double *xy, *space;
    uint32_t segments;
} run;

static run query_run(const fn_searcher *s, size_t part)
{
    const query_chain *c = &s->chains[part];
    return (run){s->query->xy + 2 * (size_t)c->first, s->space + 3 * (size_t)c->first, c->segments};
}

static run near_run(const fn_searcher *s, uint32_t kind, size_t item)
{
    const bool point = kind == KIND_POINT || kind == KIND_POINT_INSIDE;
    const size_t first = point ? s->index->point_vertex[item] : s->index->chain[item].first;
    return (run){s->set->xy + 2 * first, s->set->space + 3 * first, point ? 0 : s->index->chain[item].segments};
}

/* About how far apart two runs are, through the earth. Only to choose by. */
static double rough_distance(const run *p, const run *q)
{
    double least = INFINITY;
    for (uint32_t i = 0; i <= p->segments; i++)
        for (uint32_t j = 0; j <= q->segments; j++) {
            const double *a = p->space + 3 * i, *b = q->space + 3 * j;
            double d2 = j < q->segments    ? square_to_chord(a, b, b + 3)
                        : q->segments == 0 ? square_between(a, b)
                                           : INFINITY;
            if (i < p->segments)
                d2 = fmin(d2, square_to_chord(b, a, a + 3));
            least = d2 < least ? d2 : least;
        }
    return sqrt(least);
}

/* No points of the edges are nearer, in a straight line, than the result. A segment number at the end of a run is
 * its last vertex alone. */
static double least_chord(const fn_searcher *s, const run *p, uint32_t i, const run *q, uint32_t j)
{
    const fn_ellipsoid *e = &s->set->ellipsoid;
    const double *a = p->space + 3 * i, *b = i < p->segments ? a + 3 : a;
    const double *c = q->space + 3 * j, *d = j < q->segments ? c + 3 : c;
    const double ab = a == b ? 0 : sqrt(square_between(a, b)), cd = c == d ? 0 : sqrt(square_between(c, d));
    const double bulges = (ab > 0 ? fn_geo_bulge(e, ab) : 0) + (cd > 0 ? fn_geo_bulge(e, cd) : 0);
    double least;
    if (a == b)
        least = sqrt(square_to_chord(a, c, d));
    else if (c == d)
        least = sqrt(square_to_chord(c, a, b));
    else { /* all of a chord is within half its length of its middle */
        const double m[3] = {(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2};
        const double n[3] = {(c[0] + d[0]) / 2, (c[1] + d[1]) / 2, (c[2] + d[2]) / 2};
        least = sqrt(square_between(m, n)) - ab / 2 - cd / 2;
    }
    least -= bulges + 1e-6; /* and the rounding of coordinates as large as the earth */
    return least > 0 ? least : 0;
}

static double product(const double *v, const double *p, const double *origin)
{
    return v[0] * (p[0] - origin[0]) + v[1] * (p[1] - origin[1]) + v[2] * (p[2] - origin[2]);
}

/* How far the vertices of a run are from its middle one, and its edges from their chords. */
static double reach_of(const fn_searcher *s, const run *r, double *bulge)
{
    const double *middle = r->space + 3 * (r->segments / 2);
    double most = 0, longest = 0;
    for (uint32_t i = 0; i <= r->segments; i++) {
        most = fmax(most, square_between(r->space + 3 * i, middle));
        longest = i > 0 ? fmax(longest, square_between(r->space + 3 * i - 3, r->space + 3 * i)) : 0;
    }
    *bulge = longest > 0 ? fn_geo_bulge(&s->set->ellipsoid, sqrt(longest)) : 0;
    return sqrt(most) + *bulge;
}

/* Of each edge of a run (or of its point): the least that its points are farther away than the middle vertex of the
 * run is. */
static void put_edges(const run *r, double bulge, const double *away, const double *middle, double *edges)
{
    for (uint32_t i = 0; i <= r->segments; i++)
        edges[i] = product(away, r->space + 3 * i, middle);
    for (uint32_t i = 0; i < r->segments; i++)
        edges[i] = fmin(edges[i], edges[i + 1]) - bulge;
}

/* What one sight tells about all pairs of edges of two runs: no points of edges i and j are nearer than p[i] + q[j]. */
typedef struct view {
    double p[FN_CHAIN + 1], q[FN_CHAIN + 1];
} view;

/* False: they are too near to tell so. */
static bool look_across(const fn_searcher *s, const run *p, const run *q, view *v)
{
    const fn_ellipsoid *e = &s->set->ellipsoid;
    const uint32_t i = p->segments / 2, j = q->segments / 2;
    double bulge_p, bulge_q;
    fn_sight sight;
    if (p->segments == 0 && q->segments == 0)
        return false;
    const double reach_p = reach_of(s, p, &bulge_p), reach_q = reach_of(s, q, &bulge_q);
    if (square_between(p->space + 3 * i, q->space + 3 * j) < 4 * (reach_p + reach_q) * (reach_p + reach_q))
        return false;
    fn_geo_sight(e, p->xy + 2 * i, p->space + 3 * i, q->xy + 2 * j, q->space + 3 * j, &sight);
    const double least = sight.distance - fn_geo_sight_doubt(e, &sight, reach_p, reach_q);
    if (!(least > 0))
        return false;
    put_edges(p, bulge_p, sight.away_at_p, sight.p, v->p);
    put_edges(q, bulge_q, sight.away_at_q, sight.q, v->q);
    for (uint32_t k = 0; k <= q->segments; k++)
        v->q[k] += least;
    return true;
}

/* Number of the least of a run's edges. */
static uint32_t least_edge(const double *edges, const run *r)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < r->segments; i++)
        least = edges[i] < edges[least] ? i : least;
    return least;
}

/* The distance of edge i of p, or of its point, from edge j of q. */
static double edge_distance(const fn_searcher *s, const run *p, uint32_t i, const run *q, uint32_t j, double at_p[2],
                            double at_q[2])
{
    const fn_ellipsoid *e = &s->set->ellipsoid;
    const double *a = p->xy + 2 * i, *c = q->xy + 2 * j;
    memcpy(at_p, a, 2 * sizeof *at_p);
    memcpy(at_q, c, 2 * sizeof *at_q);
    if (p->segments == 0 && q->segments == 0)
        return fn_geo_distance(e, a, c, NULL);
    if (p->segments == 0)
        return fn_geo_point_edge(e, a, c, c + 2, at_q);
    if (q->segments == 0)
        return fn_geo_point_edge(e, c, a, a + 2, at_p);
    return fn_geo_edge_edge(e, a, a + 2, c, c + 2, at_p, at_q);
}

/* The geodesic distance of two runs, or anything above `most`. What is nearest does not depend on `most`. */
static double exact_distance(const fn_searcher *s, const run *p, const run *q, double most, fn_meeting *meeting)
{
    view v;
    const bool far = look_across(s, p, q, &v);
    double best = INFINITY, at_p[2], at_q[2];
    if (far) { /* what is probably nearest tells most others off */
        const uint32_t i = least_edge(v.p, p), j = least_edge(v.q, q);
        if (v.p[i] + v.q[j] > most)
            return INFINITY;
        most = fmin(most, edge_distance(s, p, i, q, j, at_p, at_q));
    }
    double most2 = square_of_chord(s, most);
    for (uint32_t i = 0; i < (p->segments ? p->segments : 1); i++)
        for (uint32_t j = 0; j < (q->segments ? q->segments : 1); j++) {
            if (far && v.p[i] + v.q[j] > most)
                continue;
            if (!far && (p->segments > 0 || q->segments > 0)) {
                const double least = least_chord(s, p, i, q, j);
                if (least * least > most2)
                    continue;
            }
            const double d = edge_distance(s, p, i, q, j, at_p, at_q);
            if (d >= best)
                continue;
            best = d;
            most = fmin(most, best);
            most2 = square_of_chord(s, most);
            if (meeting) {
                memcpy(meeting->p, at_p, sizeof at_p);
                memcpy(meeting->q, at_q, sizeof at_q);
                meeting->q_segment = j;
            }
        }
    return best;
}

/* Whether a sight tells that nothing in a box can count. Chords have left it open. */
static bool too_far(const fn_searcher *s, const fn_tree *tree, const step *box, size_t part)
{
    if (!(box->d2 > s->sure2))
        return false;
    const fn_ellipsoid *e = &s->set->ellipsoid;
    const query_chain *chain = &s->chains[part];
    const uint32_t middle = chain->segments / 2;
    const run query = query_run(s, part);
    double lo[3], hi[3], at[3], lonlat[2], reach2 = 0;
    for (int d = 0; d < 3; d++) {
        lo[d] = fn_tree_lo(tree, box->level + 1, d)[box->place];
        hi[d] = fn_tree_hi(tree, box->level + 1, d)[box->place];
        at[d] = (lo[d] + hi[d]) / 2;
    }
    fn_geo_under(e, at, lonlat);
    fn_geo_space(e, lonlat, at);
    for (int d = 0; d < 3; d++)
        reach2 += fmax((at[d] - lo[d]) * (at[d] - lo[d]), (hi[d] - at[d]) * (hi[d] - at[d]));
    const double reach = sqrt(reach2), apart = chain->reach + reach;
    if (square_between(query.space + 3 * middle, at) < apart * apart)
        return false;
    fn_sight sight;
    fn_geo_sight(e, query.xy + 2 * middle, query.space + 3 * middle, lonlat, at, &sight);
    double least = sight.distance - fn_geo_sight_doubt(e, &sight, chain->reach, reach) - chain->bulge, nearest = 0;
    for (uint32_t i = 0; i <= chain->segments; i++)
        nearest = fmin(nearest, product(sight.away_at_p, query.space + 3 * i, sight.p));
    least += nearest;
    for (int d = 0; d < 3; d++)
        least += sight.away_at_q[d] * ((sight.away_at_q[d] > 0 ? lo[d] : hi[d]) - at[d]);
    return least > s->ranking.bound;
}

static void visit_geodesic(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part,
                           uint32_t kind)
{
    const size_t n = leaf_size(tree, first);
    const run query = query_run(s, part);
    for (size_t j = 0; j < n; j++)
        if (d2[j] <= s->bound2) {
            const uint32_t rank =
                kind == KIND_POINT ? s->index->point_rank[first + j] : s->index->chain[first + j].rank;
            const double most = bound_of(s, rank, kind, first + j);
            if (d2[j] > square_of_bound(s, most))
                continue;
            const run near = near_run(s, kind, first + j);
            look_up(s);
            const double d =
                s->measure == CHORD ? rough_distance(&query, &near) : exact_distance(s, &query, &near, most, NULL);
            offer(s, d, rank, kind, first + j, part);
        }
}

static void visit_geodesic_points(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    visit_geodesic(s, tree, first, d2, part, KIND_POINT);
}

static void visit_geodesic_chains(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    visit_geodesic(s, tree, first, d2, part, KIND_CHAIN);
}

static void search_edges(fn_searcher *s)
{
    for (size_t i = 0; i < s->n_chains && s->status == FN_OK; i++) {
        const query_chain *c = &s->chains[i];
        walk(s, &s->index->points, 3, c->lo, c->hi, &s->bound2, i, visit_geodesic_points, too_far);
        walk(s, &s->index->chains, 3, c->lo, c->hi, &s->bound2, i, visit_geodesic_chains, too_far);
    }
}

/* Whether a polygon contains p: in its shell, in none of its holes. */
static bool contains(const fn_searcher *s, const double *xy, const fn_path *paths, const fn_ring_index *rings,
                     size_t n_paths, size_t shell, const double *p)
{
    const fn_ellipsoid *e = &s->set->ellipsoid;
    for (size_t i = shell; i < n_paths && (i == shell || paths[i].kind == FN_PATH_HOLE); i++) {
        const double *ring = xy + 2 * (size_t)paths[i].first;
        if (fn_geo_ring_contains_indexed(e, ring, paths[i].count, rings ? &rings[i] : NULL, p) != (i == shell))
            return false;
    }
    return true;
}

static void visit_around(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    const size_t n = leaf_size(tree, first);
    const fn_near *set = s->set;
    for (size_t j = 0; j < n; j++) {
        const fn_polygon *polygon = &s->index->polygon[first + j];
        if (d2[j] == 0 && wants(s, 0, polygon->rank) &&
            contains(s, set->xy, set->paths, set->rings, set->n_paths, polygon->path, query_xy(s, part)))
            offer(s, 0, polygon->rank, KIND_AROUND, first + j, part);
    }
}

/* Near polygons that contain a path of the query: they contain its first vertex, or their edges cross. */
static void search_around(fn_searcher *s)
{
    const double touching = 0;
    if (s->index->polygons.levels == 0)
        return;
    size_t chain = 0;
    for (size_t i = 0; i < s->query->n_paths && s->status == FN_OK; i++) {
        while (s->chains[chain].first != s->query->paths[i].first)
            chain++;
        const double *p = query_xy(s, chain);
        double at[2] = {p[0] - 360 * floor((p[0] + 180) / 360), p[1]};
        for (int turn = 0; turn < 2; turn++, at[0] += 360) /* boxes may begin before 180 degrees and end after it */
            walk(s, &s->index->polygons, 2, at, at, &touching, chain, visit_around, NULL);
    }
}

/* A polygon of the query gets its indexes once it has been asked what it contains MANY times, or they would cost
 * more than they save. Without memory for them the search only takes longer. */
enum { MANY = 4 };

static void index_polygon(fn_searcher *s, size_t shell)
{
    const fn_path *paths = s->query->paths;
    if (!s->rings)
        s->rings = calloc(s->query->n_paths, sizeof *s->rings);
    for (size_t i = shell; s->rings && i < s->query->n_paths && (i == shell || paths[i].kind == FN_PATH_HOLE); i++)
        if (!s->rings[i].ready)
            fn_ring_index_init(&s->rings[i], s->query->xy + 2 * (size_t)paths[i].first, paths[i].count);
}

static void forget_rings(fn_searcher *s)
{
    for (size_t i = 0; s->rings && i < s->query->n_paths; i++)
        fn_ring_index_destroy(&s->rings[i]);
    free(s->rings);
    s->rings = NULL;
}

static void visit_inside_geodesic(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t path,
                                  uint32_t kind)
{
    const size_t n = leaf_size(tree, first);
    for (size_t j = 0; j < n; j++) {
        const uint32_t rank =
            kind == KIND_POINT_INSIDE ? s->index->point_rank[first + j] : s->index->chain[first + j].rank;
        if (d2[j] != 0 || !wants(s, 0, rank))
            continue;
        if (++s->asked == MANY)
            index_polygon(s, path);
        const double *p = near_run(s, kind, first + j).xy;
        if (contains(s, s->query->xy, s->query->paths, s->rings, s->query->n_paths, path, p))
            offer(s, 0, rank, kind, first + j, path);
    }
}

static void visit_points_inside_geodesic(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2,
                                         size_t path)
{
    visit_inside_geodesic(s, tree, first, d2, path, KIND_POINT_INSIDE);
}

static void visit_chains_inside_geodesic(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2,
                                         size_t path)
{
    visit_inside_geodesic(s, tree, first, d2, path, KIND_CHAIN_INSIDE);
}

/* The smallest and largest of f(x) = cosine over degrees from..to. */
static void cosine_range(double from, double to, double range[2])
{
    const double a = cos(from / DEGREES), b = cos(to / DEGREES);
    range[0] = ceil((from - 180) / 360) * 360 + 180 <= to ? -1 : fmin(a, b);
    range[1] = ceil(from / 360) * 360 <= to ? 1 : fmax(a, b);
}

static void product_range(const double a[2], const double b[2], double *lo, double *hi)
{
    const double p[4] = {a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]};
    *lo = fmin(fmin(p[0], p[1]), fmin(p[2], p[3])) - 1e-6;
    *hi = fmax(fmax(p[0], p[1]), fmax(p[2], p[3])) + 1e-6;
}

/* The box in space of all that lies between these longitudes and latitudes: distance from the axis times cosine and
 * sine of the longitude. */
static void box_of_bounds(const fn_ellipsoid *e, const double bounds[4], double lo[3], double hi[3])
{
    const double south = fmax(bounds[1], -90), north = fmin(bounds[3], 90);
    double s[3], n[3], x[2], y[2], axis[2];
    fn_geo_space(e, (double[2]){0, south}, s);
    fn_geo_space(e, (double[2]){0, north}, n);
    axis[0] = fmin(s[0], n[0]);
    axis[1] = south <= 0 && north >= 0 ? e->a : fmax(s[0], n[0]);
    cosine_range(bounds[0], bounds[2], x);
    cosine_range(bounds[0] - 90, bounds[2] - 90, y);
    product_range(axis, x, &lo[0], &hi[0]);
    product_range(axis, y, &lo[1], &hi[1]);
    lo[2] = s[2] - 1e-6;
    hi[2] = n[2] + 1e-6;
}

static void search_inside_geodesic(fn_searcher *s)
{
    const double touching = 0;
    for (size_t i = 0; i < s->query->n_paths && s->status == FN_OK; i++) {
        const fn_path *path = &s->query->paths[i];
        if (path->kind != FN_PATH_SHELL)
            continue;
        double bounds[4], lo[3], hi[3];
        fn_geo_ring_bounds(&s->set->ellipsoid, s->query->xy + 2 * (size_t)path->first, path->count, bounds);
        box_of_bounds(&s->set->ellipsoid, bounds, lo, hi);
        s->asked = 0;
        walk(s, &s->index->points, 3, lo, hi, &touching, i, visit_points_inside_geodesic, NULL);
        walk(s, &s->index->chains, 3, lo, hi, &touching, i, visit_chains_inside_geodesic, NULL);
    }
    forget_rings(s);
}

/* What is at distance 0 because the one contains the other. */
static void search_containing(fn_searcher *s)
{
    search_around(s);
    search_inside_geodesic(s);
}

/* First the k that are nearest through the earth: the farthest of them along the ellipsoid is a bound for the true k
 * nearest. The two orders seldom differ, so there is little left to compute then (one inverse problem for each query
 * and k, and a few more). */
static double bound_by_chords(fn_searcher *s)
{
    const double limit = s->limits.radius;
    if (s->limits.closest >= s->index->features)
        return limit;
    begin(s, CHORD, limit < INFINITY ? fn_geo_chord_max(&s->set->ellipsoid, limit) : INFINITY);
    search_edges(s);
    if (s->ranking.n < s->limits.closest)
        return limit;
    double farthest = 0;
    for (size_t i = 0; i < s->ranking.n; i++) {
        const fn_candidate *c = &s->ranking.list[i];
        const run query = query_run(s, c->part), near = near_run(s, c->kind, c->item);
        farthest = fmax(farthest, exact_distance(s, &query, &near, INFINITY, NULL));
    }
    return fmin(limit, farthest);
}

/* Begins anew with a tighter limit. What has been found, at distance 0, stays. */
static void tighten(fn_searcher *s)
{
    const size_t n = s->ranking.n;
    if (!fn_reserve(&s->kept, &s->kept_cap, n, sizeof *s->kept)) {
        no_memory(s);
        return;
    }
    if (n > 0)
        memcpy(s->kept, s->ranking.list, n * sizeof *s->kept);
    const double limit = bound_by_chords(s);
    begin(s, GEODESIC, limit);
    for (size_t i = 0; i < n; i++)
        if (!fn_ranking_offer(&s->ranking, &s->kept[i]))
            no_memory(s);
    update_bound(s);
}

static void search_geodesic(fn_searcher *s)
{
    begin(s, GEODESIC, s->limits.radius);
    search_containing(s);
    if (s->ranking.bound > 0 && s->status == FN_OK)
        tighten(s);
    search_edges(s);
}

/* ---- a query ---- */

/* Whether one feature may be met more than once. */
static bool meets_again(const fn_searcher *s)
{
    return s->set->repeated || s->n_chains > 1 || s->query->has_area;
}

static bool prepare_ranking(fn_searcher *s)
{
    const bool again = meets_again(s);
    if (again && !s->seen) {
        s->seen = calloc(s->set->n, sizeof *s->seen);
        s->place = malloc(s->set->n * sizeof *s->place);
    }
    s->ranking.seen = again ? s->seen : NULL;
    s->ranking.place = again ? s->place : NULL;
    return !again || (s->seen && s->place);
}

static void search(fn_searcher *s)
{
    if (!prepare_ranking(s)) {
        no_memory(s);
        return;
    }
    s->ban++;
    if (s->banned && (meets_again(s) || s->geodesic)) { /* a feature is too near if any of its items is */
        s->banning = true;
        begin(s, s->geodesic ? GEODESIC : PLANAR, s->limits.min_radius);
        if (s->geodesic) {
            search_containing(s);
            search_edges(s);
        } else
            search_planar(s);
        s->banning = false;
    }
    if (s->status == FN_OK && s->geodesic)
        search_geodesic(s);
    else if (s->status == FN_OK) {
        begin(s, PLANAR, s->limit);
        search_planar(s);
    }
}

static void set_excluded(fn_searcher *s, fn_excluded excluded)
{
    s->excludes_fid = excluded.layer == FN_ANY_LAYER;
    s->excluded_fid = excluded.fid;
    s->excluded = excluded.layer >= 0 ? fn_near_rank(s->set, excluded.layer, excluded.fid) : UINT32_MAX;
    if (excluded.layer == FN_BY_NUMBER && excluded.fid >= 0 && (uint64_t)excluded.fid < s->set->n)
        s->excluded = fn_rank_of_feature(s->set, (uint32_t)excluded.fid);
}

/* The group's index, or NULL when there is nothing to find. */
static const fn_index *index_of(const fn_near *set, uint32_t group)
{
    if (!set->group)
        return set->n > 0 ? &set->indexes[0] : NULL;
    return group < set->n_indexes && set->indexes[group].features > 0 ? &set->indexes[group] : NULL;
}

static double normal_longitude(double degrees)
{
    return degrees >= -180 && degrees <= 180 ? degrees : degrees - 360 * floor((degrees + 180) / 360);
}

static bool all_lines(const fn_near *set, uint32_t feature)
{
    if (!set->first_path)
        return false;
    for (uint32_t p = set->first_path[feature]; p < set->first_path[feature + 1]; p++)
        if (set->paths[p].kind != FN_PATH_LINE)
            return false;
    return true;
}

/* Distance along the near line: what lies before the chain, the whole segments before the meeting, and the rest. */
static double along(const fn_searcher *s, const fn_candidate *c, const fn_meeting *m)
{
    const fn_near *set = s->set;
    const bool chain = c->kind == KIND_CHAIN || c->kind == KIND_CHAIN_INSIDE;
    if (!chain || !s->index->chain_along || !all_lines(set, fn_feature_of_rank(set, c->rank)))
        return NAN;
    double length = s->index->chain_along[c->item];
    const double *v = set->xy + 2 * (size_t)s->index->chain[c->item].first;
    for (uint32_t i = 0; i <= m->q_segment; i++, v += 2) {
        const double *to = i < m->q_segment ? v + 2 : m->q;
        length += s->geodesic ? fn_geo_distance(&set->ellipsoid, v, to, NULL)
                              : sqrt((to[0] - v[0]) * (to[0] - v[0]) + (to[1] - v[1]) * (to[1] - v[1]));
    }
    return length;
}

/* Where the query and a candidate are nearest. */
static void locate(fn_searcher *s, const fn_candidate *c, fn_meeting *m)
{
    m->q_segment = 0;
    switch (c->kind) {
    case KIND_POLYGON:
        if (begin_areas(s))
            fail(s, fn_areas_nearest(s->areas, c->part, &s->index->polygon[c->item], c->distance, m->p, m->q, s->err));
        return;
    case KIND_AROUND:
        memcpy(m->q, query_xy(s, c->part), sizeof m->q);
        break;
    case KIND_POINT_INSIDE:
        if (s->geodesic)
            memcpy(m->q, near_run(s, c->kind, c->item).xy, sizeof m->q);
        else
            copy_point(s, c->item, m->q);
        break;
    case KIND_CHAIN_INSIDE:
        memcpy(m->q, s->set->xy + 2 * (size_t)s->index->chain[c->item].first, sizeof m->q);
        break;
    default:
        if (c->kind == KIND_POINT && s->chains[c->part].segments == 0) {
            memcpy(m->p, query_xy(s, c->part), sizeof m->p);
            if (s->geodesic)
                memcpy(m->q, near_run(s, c->kind, c->item).xy, sizeof m->q);
            else
                copy_point(s, c->item, m->q);
        } else if (s->geodesic) {
            const run query = query_run(s, c->part), near = near_run(s, c->kind, c->item);
            exact_distance(s, &query, &near, INFINITY, m);
        } else if (c->kind == KIND_POINT) {
            double p[2];
            copy_point(s, c->item, p);
            fn_planar_distance(query_xy(s, c->part), s->chains[c->part].segments, p, 0, m);
        } else {
            const fn_chain *chain = &s->index->chain[c->item];
            fn_planar_distance(query_xy(s, c->part), s->chains[c->part].segments, s->set->xy + 2 * (size_t)chain->first,
                               chain->segments, m);
        }
        if (c->distance == 0)
            memcpy(m->p, m->q, sizeof m->p);
        return;
    }
    memcpy(m->p, m->q, sizeof m->p);
}

static void describe(fn_searcher *s, const fn_candidate *c, fn_neighbour *to)
{
    look_up(s);
    const fn_near_limits *l = &s->limits;
    *to = (fn_neighbour){.feature = fn_feature_of_rank(s->set, c->rank),
                         .distance = c->distance,
                         .from_x = NAN,
                         .from_y = NAN,
                         .near_x = NAN,
                         .near_y = NAN,
                         .angle = NAN,
                         .along = NAN};
    if (!l->location && !l->angle && !l->along)
        return;
    fn_meeting m;
    locate(s, c, &m);
    if (s->status != FN_OK)
        return;
    if (l->along)
        to->along = along(s, c, &m);
    if (l->angle && c->distance == 0)
        to->angle = 0;
    else if (l->angle && s->geodesic)
        fn_geo_distance(&s->set->ellipsoid, m.p, m.q, &to->angle);
    else if (l->angle) {
        to->angle = atan2(m.q[1] - m.p[1], m.q[0] - m.p[0]) * DEGREES;
        if (to->angle <= -180)
            to->angle = 180;
    }
    if (l->location) {
        to->from_x = s->geodesic ? normal_longitude(m.p[0]) : m.p[0];
        to->from_y = m.p[1];
        to->near_x = s->geodesic ? normal_longitude(m.q[0]) : m.q[0];
        to->near_y = m.q[1];
    }
}

static void name_feature(const fn_near *set, fn_neighbour *n)
{
    n->fid = set->fid[n->feature];
    n->layer = set->layer ? set->layer[n->feature] : 0;
}

/* Runs the search for the query that is set up; writes at most limits.closest neighbours to `to`, or to s->found if
 * that is NULL. They have no names yet. */
static fn_status answer(fn_searcher *s, fn_neighbour *to, size_t *n)
{
    s->areas_begun = false;
    search(s);
    fn_ranking_sort(&s->ranking);
    *n = s->ranking.n;
    if (!to && s->status == FN_OK && !fn_reserve(&s->found, &s->found_cap, *n, sizeof *s->found))
        no_memory(s);
    fn_neighbour *out = to ? to : s->found;
    for (size_t i = 0; i < *n && s->status == FN_OK; i++)
        describe(s, &s->ranking.list[i], &out[i]);
    if (s->status != FN_OK)
        *n = 0;
    return s->status;
}

/* ---- setting up a query ---- */

static void set_box(fn_searcher *s, query_chain *c)
{
    const double *v = s->geodesic ? s->space : s->query->xy;
    for (int d = 0; d < s->dims; d++) {
        c->lo[d] = INFINITY;
        c->hi[d] = -INFINITY;
    }
    for (uint32_t i = 0; i <= c->segments; i++) {
        const double *p = v + (size_t)s->dims * (c->first + i);
        for (int d = 0; d < s->dims; d++) {
            c->lo[d] = p[d] < c->lo[d] ? p[d] : c->lo[d];
            c->hi[d] = p[d] > c->hi[d] ? p[d] : c->hi[d];
        }
    }
    if (!s->geodesic)
        return;
    const run r = {NULL, s->space + 3 * (size_t)c->first, c->segments};
    c->reach = reach_of(s, &r, &c->bulge);
    for (int d = 0; d < s->dims; d++) {
        c->lo[d] -= c->bulge;
        c->hi[d] += c->bulge;
    }
}

static bool set_chains(fn_searcher *s)
{
    s->n_chains = 0;
    if (s->query == &s->one_shape && !s->geodesic) { /* nothing but its coordinates */
        if (!fn_reserve(&s->chains, &s->chains_cap, 1, sizeof *s->chains))
            return false;
        query_chain *c = &s->chains[s->n_chains++];
        c->first = c->segments = 0;
        for (int d = 0; d < 2; d++)
            c->lo[d] = c->hi[d] = s->one_xy[d];
        return true;
    }
    if (s->geodesic) {
        if (!fn_reserve(&s->space, &s->space_cap, s->query->n_vertices, 3 * sizeof *s->space))
            return false;
        for (size_t i = 0; i < s->query->n_vertices; i++)
            fn_geo_space(&s->set->ellipsoid, s->query->xy + 2 * i, s->space + 3 * i);
    }
    for (size_t p = 0; p < s->query->n_paths; p++) {
        const fn_path *path = &s->query->paths[p];
        uint32_t i = 0;
        do {
            const uint32_t left = path->count - 1 - i;
            if (!fn_reserve(&s->chains, &s->chains_cap, s->n_chains + 1, sizeof *s->chains))
                return false;
            query_chain *c = &s->chains[s->n_chains++];
            c->first = path->first + i;
            c->segments = left < FN_CHAIN ? left : FN_CHAIN;
            set_box(s, c);
            i += FN_CHAIN;
        } while (i < path->count - 1);
    }
    return true;
}

static fn_usable set_point(fn_searcher *s, const double *p)
{
    if (!isfinite(p[0]) || !isfinite(p[1]))
        return FN_UNUSABLE_NOT_FINITE;
    if (s->geodesic && fabs(p[1]) > 90)
        return FN_UNUSABLE_LATITUDE;
    s->query = &s->one_shape;
    s->one_xy[0] = s->geodesic ? fn_geo_longitude(p[0]) : p[0];
    s->one_xy[1] = p[1];
    return FN_USABLE;
}

fn_status fn_searcher_find_point(fn_searcher *s, double x, double y, uint32_t group, fn_excluded excluded,
                                 const fn_neighbour **found, size_t *n, fn_usable *usable, const volatile bool *cancel,
                                 fn_error *err)
{
    *n = 0;
    *found = s->found;
    s->limit = s->limits.radius;
    s->status = FN_OK;
    s->err = err;
    s->cancel = cancel;
    const fn_usable verdict = set_point(s, (double[2]){x, y});
    if (usable)
        *usable = verdict;
    if (verdict != FN_USABLE || !(s->index = index_of(s->set, group)))
        return FN_OK;
    if (!set_chains(s))
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    set_excluded(s, excluded);
    answer(s, NULL, n);
    for (size_t i = 0; i < *n; i++)
        name_feature(s->set, &s->found[i]);
    *found = s->found;
    return s->status;
}

fn_status fn_searcher_find_wkb(fn_searcher *s, const void *wkb, size_t bytes, uint32_t group, fn_excluded excluded,
                               const fn_neighbour **found, size_t *n, fn_usable *usable, const volatile bool *cancel,
                               fn_error *err)
{
    *n = 0;
    *found = s->found;
    s->limit = s->limits.radius;
    s->err = err;
    s->cancel = cancel;
    fn_usable verdict;
    s->status = fn_shape_from_wkb(&s->shape, wkb, bytes, s->geodesic, &verdict, err);
    if (usable)
        *usable = verdict;
    if (s->status != FN_OK || verdict != FN_USABLE || !(s->index = index_of(s->set, group)))
        return s->status;
    s->query = &s->shape;
    if (s->geodesic && s->shape.n_vertices > s->shape.n_paths) {
        if ((s->status = fn_shape_cut(&s->set->ellipsoid, &s->shape, &s->cut, err)) != FN_OK)
            return s->status;
        s->query = &s->cut;
    }
    if (!set_chains(s))
        return s->status = fn_fail(err, FN_ERR_MEMORY, "out of memory for a geometry of %zu bytes", bytes);
    set_excluded(s, excluded);
    answer(s, NULL, n);
    for (size_t i = 0; i < *n; i++)
        name_feature(s->set, &s->found[i]);
    *found = s->found;
    return s->status;
}

/* Points that follow one another along the curve have neighbours at about the same distance: none of q's k nearest
 * is farther than the farthest of the k of p, and the way from p to q. `found` are p's. */
static double limit_from(const fn_searcher *s, const double *p, const double *q, const fn_neighbour *found, uint32_t n)
{
    if (s->geodesic || s->banned || n < s->limits.closest)
        return s->limits.radius;
    const uint32_t excluded = s->excluded == UINT32_MAX ? UINT32_MAX : fn_feature_of_rank(s->set, s->excluded);
    for (uint32_t i = 0; i < n; i++)
        if (found[i].feature == excluded)
            return s->limits.radius;
    const double dx = p[0] - q[0], dy = p[1] - q[1];
    const double limit = (found[n - 1].distance + sqrt(dx * dx + dy * dy)) * (1 + 1e-12);
    return limit < s->limits.radius ? limit : s->limits.radius;
}

/* Of point q. Called some points late: FIDs lie anywhere, and are on their way meanwhile. */
static void name_features(const fn_near *set, fn_neighbour *found, size_t closest, const uint32_t *counts, size_t q)
{
    for (uint32_t k = 0; k < counts[q]; k++)
        name_feature(set, &found[q * closest + k]);
}

fn_status fn_searcher_find_points(fn_searcher *s, size_t n, const double *xy, const uint32_t *groups,
                                  int excluded_layer, const int64_t *fids, fn_neighbour *found, uint32_t *counts,
                                  fn_usable *usable, const volatile bool *cancel, fn_error *err)
{
    enum { LARGE = 64, CELLS = 10, SOON = 8 }; /* from so many near features on an order pays; bits of its grid */
    s->status = FN_OK;
    s->err = err;
    s->cancel = cancel;
    if (s->limits.closest > FN_BULK_CLOSEST)
        return fn_fail(err, FN_ERR_ARGUMENT, "at most %d neighbours are found in bulk", FN_BULK_CLOSEST);
    if (n > UINT32_MAX)
        return fn_fail(err, FN_ERR_ARGUMENT, "%zu points at once are too many", n);
    uint32_t *order = NULL;
    if (s->set->n > LARGE) {
        order = malloc((n ? n : 1) * sizeof *order);
        if (!order || !fn_hilbert_order(&s->set->frame, CELLS, xy, n, 2, order)) {
            free(order);
            return fn_fail(err, FN_ERR_MEMORY, "out of memory for %zu points", n);
        }
    }
    const bool related = order && !groups && excluded_layer != FN_ANY_LAYER;
    size_t before = n; /* the last that was found */
    for (size_t i = 0; i < n && s->status == FN_OK; i++) {
        const size_t q = order ? order[i] : i;
        if (order && i + SOON < n) { /* they lie apart */
            __builtin_prefetch(xy + 2 * (size_t)order[i + SOON]);
            __builtin_prefetch(found + order[i + SOON] * s->limits.closest, 1);
        }
        counts[q] = 0;
        if ((usable[q] = set_point(s, xy + 2 * q)) == FN_USABLE &&
            (s->index = index_of(s->set, groups ? groups[q] : FN_NO_GROUP))) {
            size_t count = 0;
            if (!set_chains(s))
                no_memory(s);
            set_excluded(s, (fn_excluded){excluded_layer, fids ? fids[q] : 0});
            s->limit = s->limits.radius;
            if (related && before < n)
                s->limit =
                    limit_from(s, xy + 2 * before, xy + 2 * q, found + before * s->limits.closest, counts[before]);
            answer(s, found + q * s->limits.closest, &count);
            counts[q] = (uint32_t)count;
            before = q;
            for (uint32_t k = 0; k < counts[q]; k++)
                __builtin_prefetch(&s->set->fid[found[q * s->limits.closest + k].feature]);
        }
        if (i >= SOON)
            name_features(s->set, found, s->limits.closest, counts, order ? order[i - SOON] : i - SOON);
    }
    for (size_t i = n > SOON ? n - SOON : 0; i < n && s->status == FN_OK; i++)
        name_features(s->set, found, s->limits.closest, counts, order ? order[i] : i);
    free(order);
    return s->status;
}
