#include "server_rest.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include <cpl_http.h>
#include <cpl_string.h>
#include <cpl_time.h>
#include <cpl_vsi.h>

#include "handles.h"
#include "patient_files.h"
#include "turns.h"

namespace fishnet
{

static constexpr double kLongest = 60; /* seconds */
static constexpr int kWanted = 65536;  /* bytes of an answer: of the file itself nothing is wanted */

static bool SecondsOfDate(const char *text, double &seconds)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    struct tm time = {};
    if (!text || !CPLParseRFC822DateTime(text, &year, &month, &day, &hour, &minute, &second, nullptr, nullptr))
        return false;
    time.tm_year = year - 1900;
    time.tm_mon = month - 1;
    time.tm_mday = day;
    time.tm_hour = hour;
    time.tm_min = minute;
    time.tm_sec = std::max(0, second);
    seconds = static_cast<double>(CPLYMDHMSToUnixTime(&time));
    return true;
}

double SecondsOfRetryAfter(const char *text, double now)
{
    double date = 0;
    if (text && isdigit(static_cast<unsigned char>(*text)) && text[strspn(text, "0123456789")] == '\0')
        return CPLAtof(text);
    return SecondsOfDate(text, date) ? std::max(0.0, date - now) + 1 : -1; /* dates are whole seconds, rounded down */
}

using HTTPResult = std::unique_ptr<CPLHTTPResult, decltype(&CPLHTTPDestroyResult)>;

/* By a request that GDAL does not repeat; signed, where the file system signs. NULL: it is not known how to ask. */
static HTTPResult Ask(const std::string &path)
{
    const std::unique_ptr<char, decltype(&VSIFree)> signedURL(VSIGetSignedURL(path.c_str(), nullptr), VSIFree);
    const char *url = signedURL ? signedURL.get() : VSIGetActualURL(path.c_str());
    if (!url || !STARTS_WITH(url, "http"))
        return {nullptr, CPLHTTPDestroyResult};
    CPLStringList options;
    options.SetNameValue("MAX_RETRY", "0");
    options.SetNameValue("MAX_FILE_SIZE", std::to_string(kWanted).c_str());
    if (!CPLGetConfigOption("GDAL_HTTP_TIMEOUT", nullptr))
        options.SetNameValue("TIMEOUT", "20");
    return {CPLHTTPFetch(url, options.List()), CPLHTTPDestroyResult};
}

/* 0: the server does not limit any more. */
static double AskForSeconds(const std::string &path)
{
    constexpr double kUsual = 1; /* seconds, where a server says no more than that it limits */
    const HTTPResult result = Ask(PlainName(path));
    if (!result)
        return kUsual;
    const char *error = result->pszErrBuf;
    if (!error || !(strstr(error, "429") || strstr(error, "503")))
        return 0;
    double now = static_cast<double>(time(nullptr)); /* its own clock is better */
    SecondsOfDate(CSLFetchNameValue(result->papszHeaders, "Date"), now);
    const double seconds = SecondsOfRetryAfter(CSLFetchNameValue(result->papszHeaders, "Retry-After"), now);
    return seconds < 0 ? kUsual : seconds;
}

std::string AskForAnswer(const std::string &path)
{
    const MessageCollector collector;
    const HTTPResult result = Ask(PlainName(path));
    if (result && result->nDataLen > kWanted)
        return {};
    const char *error = result ? result->pszErrBuf : nullptr;
    const char *code = error ? strstr(error, "HTTP error code") : nullptr;
    const char *digits = code ? strpbrk(code, "0123456789") : nullptr;
    return digits ? "HTTP response code: " + std::string(digits, strspn(digits, "0123456789"))
           : error && !strstr(error, "Maximum file size") ? "CURL error: " + std::string(error)
                                                          : std::string();
}

std::string AskForRest(const std::string &path, const std::string &answer)
{
    if (answer.find("429") == std::string::npos && answer.find("503") == std::string::npos)
        return {};
    if (ServersWantRest() > 0) /* another worker has just asked */
        return {};
    const MessageCollector collector;
    const double seconds = AskForSeconds(path), waited = std::min(seconds, kLongest);
    if (seconds <= 0)
        return {};
    LeaveServersAlone(waited);
    return CPLSPrintf(", to be asked again in %.0f s%s", seconds,
                      seconds > waited ? CPLSPrintf(" (%.0f s are waited at most)", waited) : "");
}

} // namespace fishnet
