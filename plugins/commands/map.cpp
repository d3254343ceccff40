/* gdal fishnet map: a dataset as it is, read in parallel: pipelines, formats that are slow to decode. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include "capability.h"
#include "fishnet/recipe.h"

namespace fishnet::commands
{

namespace
{
class Map final : public RasterCommand
{
  public:
    Map();

  private:
    Source Open() override;

    GDALArgDatasetValue m_input;
};
} // namespace

Map::Map() : RasterCommand("map", "Evaluate a raster in parallel, into one file or many tiles.")
{
    AddInputDatasetArg(&m_input, GDAL_OF_RASTER).SetAutoOpenDataset(false);
    AddOutput(GDAL_OF_RASTER, GDAL_DCAP_CREATECOPY);
    AddOption(m_many, "grid", "GRID").SetMetaVar("COLUMNSxROWS");
    AddOption(m_many, "tile-size", "TILE_SIZE").SetMetaVar("N|WIDTHxHEIGHT");
    AddOption(m_many, "tile-format", "FORMAT");
    AddOption(m_many, "tile-co", "TILE_CO").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_many, "mosaic", "MOSAIC");
    AddOption(m_many, "resume", "RESUME");
    AddOption(m_many, "assemble", "ASSEMBLE");
    AddRasterOptions();
    AddWorkerOptions();
}

Source Map::Open()
{
    const std::string name = NameOf("input", m_input);
    CPLStringList options = DriverOptions();
    AddOpenOptions("A", options);
    return name.empty() ? nullptr : OpenDataset(FN_RECIPE_PREFIX, name, options, GDAL_OF_RASTER);
}

static Capability capability(nullptr, [] { DeclareCommand("map", MakeCommand<Map>); });

} // namespace fishnet::commands
#endif
