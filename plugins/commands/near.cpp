/* gdal fishnet near: a near table. */
#include "table_command.h"

#ifdef FN_HAS_COMMANDS

#include "capability.h"
#include "near_table.h"

namespace fishnet::commands
{

namespace
{
class Near final : public TableCommand
{
  public:
    Near();

  private:
    bool AddInputs(CPLStringList &options) override { return AddNames("near", m_near, "NEAR", options); }

    std::vector<GDALArgDatasetValue> m_near;
};
} // namespace

Near::Near()
    : TableCommand("near", "Find for each feature the nearest features of other layers, in parallel.", kNearTable)
{
    SetExamples("gdal fishnet near addresses.gpkg hydrants.gpkg near.csv\n"
                "gdal fishnet near addresses.gpkg hydrants.gpkg near.gpkg --closest 5 --radius 300m --geometry line");
    AddArg("near", 0, "Vector dataset(s) whose features are looked for", &m_near, GDAL_OF_VECTOR)
        .SetPositional()
        .SetRequired()
        .SetMinCount(1)
        .SetPackedValuesAllowed(false)
        .SetAutoOpenDataset(false);
    AddTableArguments();
    AddOption(m_options, "near-layer", "NEAR_LAYER");
    AddOption(m_options, "near-where", "NEAR_WHERE");
    AddOption(m_options, "near-open-option", "NEAR_OO").AddAlias("near-oo").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_options, "near-geometry-field", "NEAR_GEOMETRY_FIELD");
    AddOption(m_options, "closest", "CLOSEST").SetMetaVar("K|ALL");
    AddOption(m_options, "radius", "RADIUS").SetMetaVar("DISTANCE[UNIT]");
    AddOption(m_options, "min-radius", "MIN_RADIUS").SetMetaVar("DISTANCE[UNIT]");
    AddOption(m_options, "method", "METHOD");
    AddOption(m_options, "distance-unit", "DISTANCE_UNIT").SetMetaVar("<UNIT>");
    AddOption(m_options, "location", "LOCATION");
    AddOption(m_options, "angle", "ANGLE");
    AddOption(m_options, "along", "ALONG");
    AddOption(m_options, "exclude-self", "EXCLUDE_SELF");
    AddOption(m_options, "match", "MATCH").SetMetaVar("FIELD[=NEAR_FIELD]");
    AddOption(m_options, "unmatched", "UNMATCHED");
    AddOption(m_options, "geometry", "GEOMETRY");
    AddOption(m_options, "near-fields", "NEAR_FIELDS").SetMetaVar("A[,B...]|*");
}

static Capability capability(nullptr, [] { DeclareCommand("near", MakeCommand<Near>); });

} // namespace fishnet::commands
#endif
