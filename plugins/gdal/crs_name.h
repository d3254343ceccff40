/* How messages call a CRS. */
#ifndef FN_CRS_NAME_H
#define FN_CRS_NAME_H

#include <cpl_conv.h>
#include <cpl_error.h>
#include <ogr_srs_api.h>

#include <string>

#include "boundary.h"

namespace fishnet
{

/* The text that PROJ has for a CRS without name: "+proj=utm +zone=32 +ellps=intl +towgs84=0,0,0,0,0,0,0 +units=m
 * +no_defs". */
inline std::string ProjText(OGRSpatialReferenceH srs)
{
    char *proj = nullptr;
    const QuietErrors quiet;
    const bool exported = OSRExportToProj4(srs, &proj) == OGRERR_NONE && proj && *proj;
    const std::string text = exported ? proj : "a CRS without name";
    CPLFree(proj);
    return text;
}

/* "WGS 84 (EPSG:4326)"; srs may be NULL. */
inline std::string CRSName(OGRSpatialReferenceH srs)
{
    if (!srs)
        return "no CRS";
    const char *name = OSRGetName(srs);
    const char *authority = OSRGetAuthorityName(srs, nullptr), *code = OSRGetAuthorityCode(srs, nullptr);
    const bool named = name && *name && !EQUAL(name, "unknown") && !EQUAL(name, "unnamed");
    std::string text = named ? name : ProjText(srs);
    if (authority && code)
        text += std::string(" (") + authority + ":" + code + ")";
    return text;
}

} // namespace fishnet

#endif
