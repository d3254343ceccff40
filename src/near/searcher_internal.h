/* A searcher from the inside: the query at hand, and the state of its search.
 *
 * searcher.c sets a query up, search_planar.c and search_geodesic.c find items for it, candidates.c decides what
 * becomes of them, and describe.c tells more of those that are left. */
#ifndef FN_SEARCHER_INTERNAL_H
#define FN_SEARCHER_INTERNAL_H

#include "areas.h"
#include "fishnet/job.h"
#include "near_internal.h"
#include "ranking.h"
#include "runs.h"

/* What a candidate's item is. Of several at the same distance the lowest kind is taken. */
enum {
    FN_ITEM_POINT,
    FN_ITEM_CHAIN,
    FN_ITEM_POLYGON,      /* planar; part: component of the query */
    FN_ITEM_AROUND,       /* a polygon that contains the first vertex of chain `part` of the query (geodesic) */
    FN_ITEM_POINT_INSIDE, /* a point in a polygon of the query */
    FN_ITEM_CHAIN_INSIDE  /* a chain whose first vertex is in a polygon of the query */
};

/* A few segments, or a point, of the query. Boxes as in the trees. */
typedef struct fn_query_chain {
    uint32_t first, segments;
    double lo[3], hi[3];
    /* Geodesic, as fn_run_reach() has them. */
    double bulge, reach;
} fn_query_chain;

typedef enum fn_measure { FN_PLANAR, FN_CHORD, FN_GEODESIC } fn_measure;

struct fn_searcher {
    const fn_near *set;
    fn_near_limits limits;
    bool geodesic;

    /* The query. */
    fn_shape shape, cut;
    const fn_shape *query;
    double *space; /* geodesic: its vertices, earth-centred */
    size_t space_cap;
    fn_query_chain *chains;
    size_t n_chains, chains_cap;
    const fn_index *index;
    double limit;      /* the radius, or less when that is known to be enough */
    uint32_t excluded; /* rank */
    bool excludes_fid; /* in every layer */
    int64_t excluded_fid;
    fn_ring_index *rings; /* geodesic: of its paths, made when they pay */
    size_t asked;         /* how often the search has asked what the polygon at hand contains */
    double one_xy[2];     /* a query that is a point */
    fn_path one_path;
    fn_shape one_shape;

    /* The search. */
    fn_measure measure;
    fn_ranking ranking;
    fn_candidate *kept; /* the ranking's list, while the ranking serves a search by chords */
    size_t kept_cap;
    uint64_t *seen; /* by rank, for the ranking */
    uint32_t *place;
    double bound2; /* square of the largest distance, or chord, that may still count */
    double tie2;   /* from here on the rank may decide */
    double sure2;  /* geodesic: whoever has a chord below its root counts, about; between the two, sights decide */
    uint64_t *banned,
        ban;      /* by rank: number of the last search in which the feature was nearer than the least distance */
    bool banning; /* the search looks for such features */
    fn_status status;
    fn_error *err;
    const volatile bool *cancel; /* or NULL */
    uint64_t looks;              /* at boxes and items, ever */

    fn_areas *areas; /* made when the first polygon is met */
    bool areas_begun;
    struct fn_queued *queue;
    size_t queue_cap;

    fn_neighbour *found;
    size_t found_cap;
};

/* ---- failing ---- */

static inline void fn_search_fail(fn_searcher *s, fn_status status)
{
    if (s->status == FN_OK)
        s->status = status;
}

static inline void fn_search_no_memory(fn_searcher *s)
{
    if (s->status == FN_OK)
        s->status = fn_fail(s->err, FN_ERR_MEMORY, "out of memory for neighbours, after %zu of them", s->ranking.n);
}

/* Counts a look at a box or an item. Asks now and then whether the search has been cancelled. */
static inline void fn_search_look_up(fn_searcher *s)
{
    enum { OFTEN = 64 };
    if (++s->looks % OFTEN == 0 && s->cancel && fn_is_cancelled(s->cancel) && s->status == FN_OK)
        s->status = fn_fail(s->err, FN_ERR_CANCELLED, "cancelled");
}

/* ---- the query and the items ---- */

static inline const double *fn_query_xy(const fn_searcher *s, size_t part)
{
    return s->query->xy + 2 * (size_t)s->chains[part].first;
}

static inline fn_run fn_query_run(const fn_searcher *s, size_t part)
{
    const fn_query_chain *c = &s->chains[part];
    return (fn_run){s->query->xy + 2 * (size_t)c->first, s->space + 3 * (size_t)c->first, c->segments};
}

/* A point of a planar set: the tree has it, the set perhaps no more. */
static inline void fn_copy_point(const fn_searcher *s, size_t item, double p[2])
{
    p[0] = fn_tree_lo(&s->index->points, 0, 0)[item];
    p[1] = fn_tree_lo(&s->index->points, 0, 1)[item];
}

/* A point or chain of a geodesic set. */
static inline fn_run fn_near_run(const fn_searcher *s, uint32_t kind, size_t item)
{
    const bool point = kind == FN_ITEM_POINT || kind == FN_ITEM_POINT_INSIDE;
    const size_t first = point ? s->index->point_vertex[item] : s->index->chain[item].first;
    return (fn_run){s->set->xy + 2 * first, s->set->space + 3 * first, point ? 0 : s->index->chain[item].segments};
}

/* ---- candidates.c ---- */

/* Begins a search for what is within `limit`. */
void fn_search_begin(fn_searcher *s, fn_measure measure, double limit);
/* After the ranking has been changed from outside. */
void fn_search_update_bound(fn_searcher *s);
/* Offers an item at this distance from part `part` of the query, for the feature of that rank and for its twins: they
 * have higher ranks. */
void fn_search_offer(fn_searcher *s, double distance, uint32_t rank, uint32_t kind, size_t item, size_t part);
/* The square to compare with those of boxes, for a distance in the measure of the search. */
double fn_search_square_of(const fn_searcher *s, double distance);
bool fn_search_is_excluded(const fn_searcher *s, uint32_t rank);
/* fn_ranking::compare, by coordinates. context: the searcher. */
int fn_search_compare(const void *context, uint32_t kind, uint32_t a, uint32_t b);

static inline bool fn_search_wants(const fn_searcher *s, double distance, uint32_t rank)
{
    return fn_ranking_wants(&s->ranking, distance, rank);
}

static inline const fn_twins *fn_twins_of(const fn_searcher *s, uint32_t kind)
{
    if (kind == FN_ITEM_POLYGON || kind == FN_ITEM_AROUND)
        return &s->index->polygon_twins;
    return kind == FN_ITEM_POINT || kind == FN_ITEM_POINT_INSIDE ? &s->index->point_twins : &s->index->chain_twins;
}

/* Whether an item belongs to one feature alone. */
static inline bool fn_is_alone(const fn_searcher *s, uint32_t kind, size_t item)
{
    const fn_twins *twins = fn_twins_of(s, kind);
    return !twins->first || twins->first[item] == twins->first[item + 1];
}

/* Whether an item can give nothing: it belongs to the excluded feature alone. */
static inline bool fn_search_is_useless(const fn_searcher *s, uint32_t rank, uint32_t kind, size_t item)
{
    return fn_search_is_excluded(s, rank) && fn_is_alone(s, kind, item);
}

/* What lies farther than this cannot change the answer for the feature of an item, which may have been met already.
 * -1: nothing can. */
static inline double fn_search_bound_of(const fn_searcher *s, uint32_t rank, uint32_t kind, size_t item)
{
    const fn_ranking *r = &s->ranking;
    if ((s->banning || r->seen) && !fn_is_alone(s, kind, item))
        return r->bound;
    if (s->banning)
        return s->banned[rank] == s->ban ? -1 : r->bound;
    if (!r->seen || r->seen[rank] != r->search)
        return r->bound;
    return fmin(r->bound, r->list[r->place[rank]].distance);
}

/* The same as a square, as bound2. */
static inline double fn_search_square_of_bound(const fn_searcher *s, double bound)
{
    return bound == s->ranking.bound ? s->bound2 : bound < 0 ? -1 : fn_search_square_of(s, bound);
}

/* ---- search_planar.c, search_geodesic.c: after fn_search_begin(), unless they begin themselves ---- */

void fn_search_planar(fn_searcher *s);
/* Makes s->areas ready for the query. False: it has failed. */
bool fn_search_begin_areas(fn_searcher *s);

/* All of a geodesic search; it begins itself. */
void fn_search_geodesic(fn_searcher *s);
/* Its halves: what is at distance 0 because one contains the other; and points and edges. */
void fn_search_containing(fn_searcher *s);
void fn_search_edges(fn_searcher *s);

/* ---- describe.c ---- */

/* Adds to a candidate's neighbour what the limits ask for: location, angle, place along its line. */
void fn_search_describe(fn_searcher *s, const fn_candidate *c, fn_neighbour *to);

#endif
