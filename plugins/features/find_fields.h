/* Fields of the inputs that a table carries over, found when it is opened. */
#ifndef FN_FIND_FIELDS_H
#define FN_FIND_FIELDS_H

#include "find_layer.h"
#include "record.h"

namespace fishnet
{

OGRFeatureDefnH Defn(const LayerPlan &layer, const Handles &handles);
/* The field of exactly that name, else the first whose name differs in upper and lower case only; -1: none. */
int FieldIndex(OGRFeatureDefnH defn, const std::string &name);
bool IsNumber(OGRFieldType type);
/* ", is street meant?" of a name that one of the fields nearly has; empty: none has. */
std::string MeantField(const std::vector<OGRFeatureDefnH> &layers, const std::string &name);

/* Adds the columns of these names ("*": all) to `fields`, with a type that holds the values of all layers, and to each
 * layer its field for each of them. option: for messages, "FIELDS". False after CPLError. */
bool FindFields(const char *driver, const char *option, const std::vector<std::string> &wanted,
                const std::vector<LayerPlan *> &layers, const Handles &handles, std::vector<CarriedField> &fields);

} // namespace fishnet

#endif
