/* The driver that writes rows to files, and its options. */
#ifndef FN_ROWS_FORMAT_H
#define FN_ROWS_FORMAT_H

#include <memory>
#include <string>

#include <cpl_string.h>
#include <gdal_utils.h>

namespace fishnet
{

using Translation = std::unique_ptr<GDALVectorTranslateOptions, void (*)(GDALVectorTranslateOptions *)>;

struct RowsFormat {
    std::string driver;
    CPLStringList datasetOptions, layerOptions;

    bool IsFlatGeobuf() const { return EQUAL(driver.c_str(), "FlatGeobuf"); }
    /* GeoPackage and SQLite. */
    bool IsDatabase() const { return EQUAL(driver.c_str(), "GPKG") || EQUAL(driver.c_str(), "SQLite"); }

    /* Takes FORMAT, or what is preset for it, PART_DSCO and PART_LCO. who: the driver of the table. extension: of its
     * files. False after CPLError. */
    bool Read(const char *who, CSLConstList options, const char *preset, bool hasGeometry, std::string &extension);
    /* Has the driver leave out the spatial index, unless it is asked for: it sorts the rows of a FlatGeobuf, and takes
     * longer than the rows in others. */
    void LeaveOutIndex();
    /* The options of either list; NULL: it is not given. */
    const char *Find(const char *option) const;

    /* For ogr2ogr: rows become a file of the format. layer: its name; NULL: as ogr2ogr has it. NULL on failure. */
    Translation NewTranslation(const char *layer) const;
};

/* CPLError: "NEARTABLE: FORMAT=xyz: why". False. */
bool RefuseOption(const char *who, const char *key, const char *value, const char *why);

} // namespace fishnet

#endif
