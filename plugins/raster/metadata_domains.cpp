#include "metadata_domains.h"

#include <algorithm>
#include <iterator>

#include <cpl_string.h>

namespace fishnet
{

void CopyDomains(GDALMajorObjectH from, GDALMajorObjectH to)
{
    static const char *const left[] = {
        "IMAGE_STRUCTURE", "SUBDATASETS", "DERIVED_SUBDATASETS", "COLOR_PROFILE", "FISHNET", "FISHNET_GRID", "xml:VRT"};
    const CPLStringList domains(GDALGetMetadataDomainList(from));
    for (int i = -1; i < domains.size(); i++) {
        const char *domain = i < 0 ? "" : domains[i];
        const bool skip =
            std::any_of(std::begin(left), std::end(left), [&](const char *d) { return EQUAL(d, domain); });
        CSLConstList items = skip || (i >= 0 && !*domain) ? nullptr : GDALGetMetadata(from, domain);
        if (items)
            GDALSetMetadata(to, items, domain);
    }
}

} // namespace fishnet
