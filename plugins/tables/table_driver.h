/* The driver of a kind of table, as GDAL has it. */
#ifndef FN_TABLE_DRIVER_H
#define FN_TABLE_DRIVER_H

#include "parts.h"
#include "table_dataset.h"

namespace fishnet
{

/* A driver that opens and writes nothing yet; NULL: GDAL has it. */
std::unique_ptr<GDALDriver> NewTableDriver(const TableKind &kind);

/* GDAL calls functions that know of no object: these are the kind's own. */
template <const TableKind &kKind> void RegisterTableDriver()
{
    std::unique_ptr<GDALDriver> driver = NewTableDriver(kKind);
    if (!driver)
        return;
    driver->pfnIdentify = [](GDALOpenInfo *info) {
        return Guarded(kKind.driver, FALSE, [info] { return IdentifyName(info, TableRecipes(kKind)); });
    };
    driver->pfnOpen = [](GDALOpenInfo *info) { return TableDataset::Open(kKind, info); };
    driver->pfnCreateCopy = [](const char *output, GDALDataset *source, int, FN_CSL options, GDALProgressFunc progress,
                               void *progressData) {
        return WriteTable(kKind, output, source, options, progress, progressData);
    };
    driver->pfnDelete = [](const char *name) { return DeleteRecipeFile(name, TableRecipes(kKind)); };
    GetGDALDriverManager()->RegisterDriver(driver.release());
}

} // namespace fishnet

#endif
