/* What the commands that write rasters have in common: who writes, and what cannot be written. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <algorithm>
#include <cstring>

#include <gdal_utils.h>

#include "create.h"
#include "creation_options.h"
#include "recipes.h"
#include "relative_vrt.h"

namespace fishnet::commands
{

void RasterCommand::AddOpenOptions(const std::string &input, CPLStringList &options) const
{
    for (const std::string &option : m_openOptions)
        options.AddString(("INPUT_OO=" + input + "=" + option).c_str());
}

RasterCommand::RasterCommand(const char *name, const char *description)
    : Command(name, description, RasterRecipes().options, CreationOptions())
{
}

void RasterCommand::AddTileOptions()
{
    AddOption(m_many, "grid", "GRID").SetMetaVar("COLUMNSxROWS");
    AddOption(m_many, "tile-format", "FORMAT");
    AddOption(m_many, "tile-co", "TILE_CO").SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_many, "mosaic", "MOSAIC");
    AddOption(m_many, "resume", "RESUME");
    AddOption(m_many, "assemble", "ASSEMBLE");
}

void RasterCommand::AddRasterOptions()
{
    AddArg("open-option", 0, "Open option of the input datasets", &m_openOptions)
        .AddAlias("oo")
        .SetPackedValuesAllowed(false)
        .SetMinCount(1)
        .SetMetaVar("<KEY>=<VALUE>");
    AddOption(m_options, "on-error", "ON_ERROR");
    AddOption(m_options, "cache-mb", "CACHE_MB").SetMetaVar("<N>").SetCategory(GAAC_ADVANCED);
    AddOption(m_options, "partition", "PARTITION").SetMetaVar("i/n|auto|auto/n");
}

GDALDataset *RasterCommand::WriteMany(GDALDataset &source, const CPLStringList &options, GDALProgressFunc progress,
                                      void *progressData)
{
    return CreateCopy(m_output.GetName().c_str(), &source, FALSE, options.List(), progress, progressData);
}

static bool HasOption(GDALDriverH driver, const std::string &name)
{
    const char *list = driver ? GDALGetMetadataItem(driver, GDAL_DMD_CREATIONOPTIONLIST, nullptr) : nullptr;
    return list && (strstr(list, ("name='" + name + "'").c_str()) || strstr(list, ("name=\"" + name + "\"").c_str()));
}

/* A GeoTIFF is written by the workers, in tiles, if they know all that is asked for; a small one that is not
 * compressed would be larger in tiles. */
static bool WorkersWrite(GDALDataset &source, const std::string &format, const std::string &output,
                         const std::vector<std::string> &options)
{
    constexpr int64_t kLarge = 1 << 22; /* pixels */
    const std::string ending = CPLString(output.substr(std::min(output.size(), output.rfind('.')))).tolower();
    GDALDriverH fishnet = GDALGetDriverByName("FISHNET"), gtiff = GDALGetDriverByName("GTiff");
    bool pays = int64_t(source.GetRasterXSize()) * source.GetRasterYSize() >= kLarge;
    if (format.empty() ? ending != ".tif" && ending != ".tiff" : !EQUAL(format.c_str(), "GTiff"))
        return false;
    for (const std::string &option : options) {
        const size_t equal = option.find('=');
        const std::string name = CPLString(option.substr(0, equal)).toupper();
        const std::string value = equal == std::string::npos ? std::string() : option.substr(equal + 1);
        if (name == "TILED") {
            if (!CPLTestBool(value.c_str()))
                return false;
            pays = true;
        } else if (!HasOption(fishnet, name) || !HasOption(gtiff, name)) {
            return false;
        }
        if (name == "COMPRESS") {
            pays = pays || !EQUAL(value.c_str(), "NONE");
            if (!CanCompress(value.c_str()))
                return false;
        }
    }
    return pays;
}

/* Options of the driver FISHNET that the writer of the output does not have, and would pass over; empty: there is
 * none. */
static std::string OptionOfTiles(const std::string &format, const std::vector<std::string> &options)
{
    GDALDriverH fishnet = GDALGetDriverByName("FISHNET"), writer = GDALGetDriverByName(format.c_str());
    for (const std::string &option : options) {
        const std::string name = CPLString(option.substr(0, option.find('='))).toupper();
        if (HasOption(fishnet, name) && !HasOption(writer, name))
            return name;
    }
    return {};
}

bool RasterCommand::CheckOutput()
{
    const std::string &name = m_output.GetName();
    const char *ending = CPLGetExtension(name.c_str()), *many = AsksForMany();
    if (!Command::CheckOutput())
        return false;
    if (many && !EQUAL(ending, "vrt") && !EQUAL(ending, "gti"))
        return Fail(CPLE_IllegalArg, std::string("Argument '") + many + "' writes tiles: their mosaic " + name +
                                         " has to end in .vrt or .gti");
    return WritesMany() || EQUAL(m_format.c_str(), "stream") || IsGDALGOutput() || CheckFormat();
}

/* False: what is asked for would be a file without pixels, or an option without effect. */
bool RasterCommand::CheckFormat() const
{
    const std::string &name = m_output.GetName();
    const char *ending = CPLGetExtension(name.c_str());
    const bool byName = m_format.empty();
    const CPLStringList guessed(byName ? GDALGetOutputDriversForDatasetName(name.c_str(), GDAL_OF_RASTER, true, false)
                                       : nullptr);
    const std::string format = byName ? (guessed.size() > 0 ? guessed[0] : "") : m_format;
    const std::string option = EQUAL(format.c_str(), "FISHNET") ? "" : OptionOfTiles(format, m_creationOptions);
    if (!option.empty())
        return Fail(CPLE_IllegalArg,
                    "Argument 'creation-option': " + option + " is an option of the driver FISHNET: " +
                        (EQUAL(ending, "vrt") ? "--output-format FISHNET writes tiles and the mosaic " + name
                                              : "give --output-format FISHNET for it"));
    if (byName && EQUAL(ending, "gti"))
        return Fail(CPLE_IllegalArg, "Argument 'output': " + name +
                                         " is an index of tiles: --output-format FISHNET writes it, and the tiles");
    if (byName && EQUAL(ending, "vrt"))
        ReportError(
            CE_Warning, CPLE_AppDefined,
            "%s is a VRT: it is computed whenever it is read, and nothing is computed now. --output-format FISHNET "
            "writes tiles now, and that file as the mosaic over them",
            name.c_str());
    return true;
}

bool RasterCommand::Write(GDALDataset &source, GDALProgressFunc progress, void *progressData)
{
    CPLStringList arguments;
    const auto add = [&arguments](const char *key, const std::string &value) {
        arguments.AddString(key);
        arguments.AddString(value.c_str());
    };
    if (WorkersWrite(source, m_format, m_output.GetName(), m_creationOptions)) {
        CPLStringList options = ManyOptions();
        options.AddString("OUTPUT=SINGLE");
        m_isNew = false; /* it is moved to its place when it is whole */
        return Take(WriteMany(source, options, progress, progressData));
    }
    if (!m_format.empty())
        add("-of", m_format);
    for (const std::string &option : m_creationOptions)
        add("-co", option);
    const std::unique_ptr<GDALTranslateOptions, void (*)(GDALTranslateOptions *)> options(
        GDALTranslateOptionsNew(arguments.List(), nullptr), GDALTranslateOptionsFree);
    if (!options)
        return false;
    GDALTranslateOptionsSetProgress(options.get(), progress, progressData);
    GDALDatasetH written =
        GDALTranslate(m_output.GetName().c_str(), GDALDataset::ToHandle(&source), options.get(), nullptr);
    const bool isVRT = written && EQUAL(GDALGetDriverShortName(GDALGetDatasetDriver(written)), "VRT");
    return Take(GDALDataset::FromHandle(written)) && (!isVRT || m_output.GetName().empty() || RelateVRT());
}

/* A VRT can be moved together with what it reads. */
bool RasterCommand::RelateVRT()
{
    const std::string name = m_output.GetName();
    if (!m_output.Close() || !MakeRelative(name))
        return Fail(CPLE_FileIO, name + " cannot be written");
    return Take(GDALDataset::Open(name.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR));
}

} // namespace fishnet::commands
#endif
