#include "dates.h"

#include <cctype>
#include <cstdio>

namespace fishnet
{

static bool IsDate(int year, int month, int day)
{
    return year >= 1800 && year < 2200 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Eight digits that are a date, and no more beside them; empty: there are none. */
static std::string DateIn(const std::string &name)
{
    for (size_t at = 0; at < name.size();) {
        size_t n = 0;
        while (at + n < name.size() && isdigit(static_cast<unsigned char>(name[at + n])))
            n++;
        int year = 0, month = 0, day = 0;
        if (n == 8 && sscanf(name.c_str() + at, "%4d%2d%2d", &year, &month, &day) == 3 && IsDate(year, month, day))
            return CPLSPrintf("%04d-%02d-%02d", year, month, day);
        at += n + 1;
    }
    return {};
}

/* "2024:06:01 10:30:00" and "2024-06-01 10:30:00" as the latter; empty: it is neither. */
static std::string DateFrom(const char *text)
{
    int year = 0, month = 0, day = 0, end = 0;
    if (!text || sscanf(text, "%4d%*1[-:/]%2d%*1[-:/]%2d%n", &year, &month, &day, &end) != 3 ||
        !IsDate(year, month, day))
        return {};
    return CPLSPrintf("%04d-%02d-%02d%.30s", year, month, day, text + end);
}

std::string DateOf(const std::string &name, GDALDatasetH dataset)
{
    std::string date = DateFrom(GDALGetMetadataItem(dataset, "ACQUISITIONDATETIME", "IMAGERY"));
    if (date.empty())
        date = DateFrom(GDALGetMetadataItem(dataset, "TIFFTAG_DATETIME", nullptr));
    return date.empty() ? DateIn(name.substr(name.rfind('/') + 1)) : date;
}

std::string NameAndDate(const Input &input, GDALDatasetH dataset)
{
    const std::string date = DateOf(input.name, dataset);
    return WithoutSecrets(input.name) + (date.empty() ? "" : " " + date);
}

} // namespace fishnet
