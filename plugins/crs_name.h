/* How messages call a CRS. */
#ifndef FN_CRS_NAME_H
#define FN_CRS_NAME_H

#include <ogr_srs_api.h>

#include <string>

namespace fishnet
{

/* "WGS 84 (EPSG:4326)"; srs may be NULL. */
inline std::string CRSName(OGRSpatialReferenceH srs)
{
    if (!srs)
        return "no CRS";
    const char *name = OSRGetName(srs);
    const char *authority = OSRGetAuthorityName(srs, nullptr), *code = OSRGetAuthorityCode(srs, nullptr);
    std::string text = name ? name : "a CRS without name";
    if (authority && code)
        text += std::string(" (") + authority + ":" + code + ")";
    return text;
}

} // namespace fishnet

#endif
