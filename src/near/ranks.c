/* The order of the features by (layer, FID), which decides ties: each one's place in it is its rank. */
#include <stdlib.h>

#include "near_internal.h"

typedef struct ranked {
    int64_t fid;
    uint32_t feature;
    uint16_t layer;
} ranked;

static int by_layer_and_fid(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    if (x->fid != y->fid)
        return x->fid < y->fid ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

bool fn_near_rank_features(fn_near *set)
{
    bool sorted = true;
    for (size_t i = 1; i < set->n && sorted; i++) {
        const int before = fn_layer_of(set, i - 1), here = fn_layer_of(set, i);
        sorted = before < here || (before == here && set->fid[i - 1] <= set->fid[i]);
    }
    if (sorted)
        return true;
    ranked *features = malloc(set->n * sizeof *features);
    set->rank_of = malloc(set->n * sizeof *set->rank_of);
    set->by_rank = malloc(set->n * sizeof *set->by_rank);
    if (features && set->rank_of && set->by_rank) {
        for (size_t i = 0; i < set->n; i++)
            features[i] = (ranked){set->fid[i], (uint32_t)i, (uint16_t)fn_layer_of(set, i)};
        qsort(features, set->n, sizeof *features, by_layer_and_fid);
        for (size_t rank = 0; rank < set->n; rank++) {
            set->by_rank[rank] = features[rank].feature;
            set->rank_of[features[rank].feature] = (uint32_t)rank;
        }
    }
    free(features);
    return features && set->rank_of && set->by_rank;
}

uint32_t fn_near_rank(const fn_near *set, int layer, int64_t fid)
{
    size_t low = 0, high = set->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint32_t feature = fn_feature_of_rank(set, (uint32_t)middle);
        const int other = fn_layer_of(set, feature);
        if (other < layer || (other == layer && set->fid[feature] < fid))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == set->n)
        return UINT32_MAX;
    const uint32_t feature = fn_feature_of_rank(set, (uint32_t)low);
    return fn_layer_of(set, feature) == layer && set->fid[feature] == fid ? (uint32_t)low : UINT32_MAX;
}
