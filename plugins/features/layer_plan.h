/* A layer on either side of a near table: what was found of it when the table was opened, and how it is opened once
 * more, by a worker or for another pass. */
#ifndef FN_LAYER_PLAN_H
#define FN_LAYER_PLAN_H

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <cpl_string.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "fishnet/base.h"
#include "handles.h"

namespace fishnet
{

struct LayerPlan {
    const char *option = ""; /* that names the dataset: "NEAR="; empty: it is the input */
    /* The dataset's name as it was given, and the same, absolute if it is a file: the host may change its folder before
     * a worker opens it. */
    std::string name, path;
    CPLStringList openOptions; /* of the dataset */
    std::string layer;
    std::string where;
    std::string label; /* for NEAR_FC */
    std::string driver;
    size_t dataset = 0; /* index in the handles of the dataset */
    SRSHandle srs;      /* as the layer has it; NULL: none */
    bool transform = false;
    int geometryField = 0;    /* the one that is used */
    std::string geometryName; /* its name, which may be empty */
    bool points = false;      /* its type is point */
    std::vector<int> fields;  /* that are carried over: indices in the layer, -1 where it has no such field */
    std::vector<int> match;   /* fields of the MATCH pairs */
    std::string structure;    /* StructureOf() the layer when it was found */
};

/* A layer's fields and kinds of geometry, in order: what a plan's indices of fields, and its ways to read geometries,
 * hold for. */
std::string StructureOf(OGRLayerH layer);

/* Opens the layer's dataset, once more. */
DatasetHandle OpenDataset(const LayerPlan &layer);

/* The layer in a dataset that was opened again. NULL, a status and `cause`, if it is not there or has changed. */
OGRLayerH FindLayer(const LayerPlan &layer, GDALDatasetH dataset, fn_status *status, std::string &cause);

/* "layer \"addresses\" of a.gpkg" */
std::string Describe(const LayerPlan &layer);

/* A text or a name as SQL has it: in quotes, and each quote in it twice. */
std::string Quoted(const std::string &text, char quote);

} // namespace fishnet

#endif
