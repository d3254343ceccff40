/* The layers that a table reads, found when it is opened. */
#ifndef FN_FIND_LAYER_H
#define FN_FIND_LAYER_H

#include <string>
#include <vector>

#include "layer_plan.h"

namespace fishnet
{

/* An input in messages: what its options have in common. */
struct Side {
    const char *driver;  /* "NEARTABLE" */
    const char *dataset; /* stands before the name of the dataset: "NEAR=" */
    const char *options; /* before LAYER, WHERE, OO and GEOMETRY_FIELD: "NEAR_" */
};

/* Opens the dataset that `layer` names, with its open options, and adds the handle. As all here: false after
 * CPLError. */
bool OpenFirst(const Side &side, LayerPlan &layer, Handles &handles);

/* Finds the layer in its dataset, which is open, and all that LayerPlan has of it but fields. wanted: a name; empty:
 * the only layer, or the only one that has a geometry. geometryField: a name; empty: the first. */
bool ChooseLayer(const Side &side, const std::string &wanted, const std::string &geometryField, const Handles &handles,
                 LayerPlan &layer);

std::vector<std::string> LayersWithGeometry(GDALDatasetH dataset);

} // namespace fishnet

#endif
