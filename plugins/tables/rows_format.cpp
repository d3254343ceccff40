#include "rows_format.h"

#include "gdal_compat.h"
#include "open_options.h"

namespace fishnet
{

bool RefuseOption(const char *who, const char *key, const char *value, const char *why)
{
    CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s=%.200s: %s", who, key, value, why);
    return false;
}

static bool FindDriver(const char *who, const char *name, bool hasGeometry, std::string &found)
{
    GDALDriver *driver = GetGDALDriverManager()->GetDriverByName(name);
    const auto has = [driver](const char *item) {
        const char *value = driver ? driver->GetMetadataItem(item) : nullptr;
        return value && CPLTestBool(value);
    };
    if (!driver || !has(GDAL_DCAP_VECTOR))
        return RefuseOption(who, "FORMAT", name, "GDAL has no vector driver of that name");
    if (!has(GDAL_DCAP_CREATE) || !has(GDAL_DCAP_OPEN))
        return RefuseOption(who, "FORMAT", name, "that driver cannot write a table and read it again");
    const char *extension = driver->GetMetadataItem(GDAL_DMD_EXTENSION);
    const CPLStringList extensions(CSLTokenizeString2(driver->GetMetadataItem(GDAL_DMD_EXTENSIONS), " ", 0));
    if ((!extension || !*extension) && extensions.size() > 0)
        extension = extensions[0];
    if (!extension || !*extension)
        return RefuseOption(who, "FORMAT", name, "that driver does not write a file for each part");
    found = extension;
    if (EQUAL(name, "ESRI Shapefile") && !hasGeometry)
        found = "dbf";
    MakeOptionLists(driver);
    return true;
}

static bool ReadList(const char *who, CSLConstList options, const char *key, CPLStringList &list)
{
    const CPLStringList given(CSLFetchNameValueMultiple(const_cast<char **>(options), key));
    for (int i = 0; i < given.size(); i++)
        if (!SplitSettings(given[i], list))
            return RefuseOption(who, key, given[i], "expected NAME=VALUE, or several separated by a semicolon");
    return true;
}

bool RowsFormat::Read(const char *who, CSLConstList options, const char *preset, bool hasGeometry,
                      std::string &extension)
{
    driver = CSLFetchNameValueDef(options, "FORMAT", preset);
    return FindDriver(who, driver.c_str(), hasGeometry, extension) &&
           ReadList(who, options, "PART_DSCO", datasetOptions) && ReadList(who, options, "PART_LCO", layerOptions);
}

void RowsFormat::LeaveOutIndex()
{
    for (const char *name : {"FlatGeobuf", "GPKG", "SQLite"})
        if (EQUAL(driver.c_str(), name) && !layerOptions.FetchNameValue("SPATIAL_INDEX"))
            layerOptions.SetNameValue("SPATIAL_INDEX", "NO");
}

const char *RowsFormat::Find(const char *option) const
{
    const char *value = layerOptions.FetchNameValue(option);
    return value ? value : datasetOptions.FetchNameValue(option);
}

Translation RowsFormat::NewTranslation(const char *layer) const
{
    CPLStringList words;
    for (const char *word : {"-f", driver.c_str(), "-nomd"}) /* the report of the domain FISHNET is no file's */
        words.AddString(word);
    if (layer)
        words.AddString("-nln").AddString(layer);
    for (int i = 0; i < datasetOptions.size(); i++)
        words.AddString("-dsco").AddString(datasetOptions[i]);
    for (int i = 0; i < layerOptions.size(); i++)
        words.AddString("-lco").AddString(layerOptions[i]);
    return Translation(GDALVectorTranslateOptionsNew(words.List(), nullptr), GDALVectorTranslateOptionsFree);
}

} // namespace fishnet
