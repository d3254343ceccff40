/* The columns of a near table. */
#ifndef FN_NEARTABLE_SCHEMA_H
#define FN_NEARTABLE_SCHEMA_H

#include "gdal_compat.h"
#include "plan.h"
#include <ogrsf_frmts.h>

namespace fishnet::neartable
{

class Schema
{
  public:
    explicit Schema(const NearPlan &plan);
    ~Schema();
    Schema(const Schema &) = delete;
    Schema &operator=(const Schema &) = delete;

    OGRFeatureDefn *defn;
    /* Indices of fields; -1: there is none. */
    int inFid = 0, nearFid = 1, distance = 2, rank = 3;
    int location = -1; /* FROM_X, then FROM_Y, NEAR_X, NEAR_Y */
    int angle = -1, along = -1, nearFc = -1;
    int fields = -1, nearFields = -1; /* the first of them */

    /* Carried fields whose names formats keep for columns of their own: the name, and that of the column. */
    std::vector<std::pair<std::string, std::string>> renamed;

  private:
    int AddCarried(const std::vector<CarriedField> &carriedFields, const char *prefix);
};

} // namespace fishnet::neartable

#endif
