/* Lets VRT and GDALG files that mention PREFIX:name be moved together with the file of that name. */
#ifndef FN_PREFIX_INFO_H
#define FN_PREFIX_INFO_H

#include "gdal_compat.h"

#if FN_GDAL_AT_LEAST(3, 8)
#include <gdalsubdatasetinfo.h>

namespace fishnet
{

class PrefixInfo final : public GDALSubdatasetInfo
{
  public:
    /* name starts with the prefix, whose colon is its last character. */
    PrefixInfo(const char *name, const char *prefix) : GDALSubdatasetInfo(name), m_length(strlen(prefix)) {}

  private:
    void parseFileName() override
    {
        m_driverPrefixComponent = m_fileName.substr(0, m_length - 1);
        m_pathComponent = m_fileName.substr(m_length);
        m_isQuoted = m_pathComponent.size() > 1 && m_pathComponent.front() == '"' && m_pathComponent.back() == '"';
        m_cleanedPathComponent = m_isQuoted ? unquote(m_pathComponent) : m_pathComponent;
    }

    size_t m_length;
};

} // namespace fishnet
#endif

#endif
