#include "remote.h"

#include <algorithm>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <cpl_vsi_error.h>

#include "file_names.h"
#include "handles.h"
#include "input_search.h"
#include "patient_files.h"

namespace fishnet
{

/* ---- which they are ---- */

/* Drivers that read from a service, whatever the name of the dataset is. */
static bool ReadsFromService(const char *driver)
{
    static constexpr const char *kServices[] = {"WMS",           "WMTS",     "WCS",   "DAAS",   "EEDAI",
                                                "EEDA",          "PLMosaic", "NGW",   "OGCAPI", "PLSCENES",
                                                "PostGISRaster", "HTTP",     "STACIT"};
    return std::any_of(std::begin(kServices), std::end(kServices),
                       [driver](const char *service) { return EQUAL(driver, service); });
}

bool IsRemote(GDALDatasetH dataset, const std::string &path)
{
    GDALDriverH driver = GDALGetDatasetDriver(dataset);
    const char *name = driver ? GDALGetDriverShortName(driver) : "";
    if (IsRemoteName(path) || ReadsFromService(name))
        return true;
    if (EQUAL(name, "VRT")) {
        CSLConstList text = GDALGetMetadata(dataset, "xml:VRT");
        return text && text[0] && IsRemoteName(text[0]);
    }
    if (EQUAL(name, "GTiff"))
        return false;
    if (EQUAL(name, "GTI"))
        return InputSearch::IndexLeadsBeyond(path);
    const CPLStringList files(PlainNames(GDALGetFileList(dataset)));
    return std::any_of(files.List(), files.List() + files.size(), [](const char *file) { return IsRemoteName(file); });
}

void RemoteStorage::Add(const RemoteStorage &other)
{
    is = is || other.is;
    width = std::max(width, other.width);
    blockWidth = std::max(blockWidth, other.blockWidth);
    blockHeight = std::max(blockHeight, other.blockHeight);
    pixelBytes = std::max(pixelBytes, other.pixelBytes);
}

RemoteStorage RemoteStorage::Of(GDALDatasetH dataset, const std::string &path)
{
    RemoteStorage storage;
    VSIStatBufL status;
    if (GDALGetRasterCount(dataset) == 0)
        return storage;
    storage.is = true;
    storage.width = GDALGetRasterXSize(dataset);
    GDALGetBlockSize(GDALGetRasterBand(dataset, 1), &storage.blockWidth, &storage.blockHeight);
    if (IsRemoteName(path) && VSIStatL(path.c_str(), &status) == 0) /* GDAL knows that by now */
        storage.pixelBytes = static_cast<double>(status.st_size) / static_cast<double>(storage.width) /
                             std::max(1, GDALGetRasterYSize(dataset));
    return storage;
}

/* ---- reading ---- */

ThreadSetting WithoutThreads(bool isRemote)
{
    return {"GDAL_NUM_THREADS", "1", isRemote};
}

std::string ForgetRemote(const std::string &name)
{
    const MessageCollector collector;
    const std::string path = PlainName(name);
    if (path.empty() || path[0] != '/' || !IsRemoteName(path)) { /* its files are many */
        VSICurlClearCache();
        return {};
    }
    VSICurlPartialClearCache(path.c_str());
    VSIErrorReset();
    VSILFILE *file = VSIFOpenExL(path.c_str(), "rb", TRUE);
    if (file) {
        VSIFCloseL(file);
        return {};
    }
    const std::string answer = VSIGetLastErrorMsg();
    VSICurlPartialClearCache(path.c_str()); /* or the file would not be there for the next attempt, either */
    return answer;
}

} // namespace fishnet
