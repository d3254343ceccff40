#include "secrets.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <iterator>

#include <cpl_port.h>
#include <cpl_string.h>

namespace fishnet
{

static constexpr const char *kHidden = "***";

/* ---- keys ---- */

static std::string Upper(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return toupper(c); });
    return text;
}

/* Does the value of such a key belong to nobody else? inQuery: it stands behind ? or & in a URL. */
static bool IsSecret(const std::string &key, bool inQuery)
{
    static constexpr const char *kWords[] = {"PASSWORD",         "PASSWD",       "PASSPHRASE",  "PWD",
                                             "SECRET",           "TOKEN",        "APIKEY",      "API_KEY",
                                             "API-KEY",          "ACCESS_KEY",   "ACCESSKEY",   "ACCOUNT_KEY",
                                             "PRIVATE_KEY",      "SIGNATURE",    "CREDENTIAL",  "AUTHORIZATION",
                                             "COOKIE",           "HTTP_HEADERS", "USERPWD",     "CONNECTION_STRING",
                                             "SUBSCRIPTION-KEY", "ACCOUNTKEY",   "SHAREDACCESS"};
    static constexpr const char *kInQuery[] = {"SIG", "KEY", "AUTH", "CODE"};
    static constexpr const char *kNames[] = {"HEADERS", "HEADER", "PASS", "HTTPHEADERS"};
    const std::string upper = Upper(key);
    const auto holds = [&upper](const char *word) { return upper.find(word) != std::string::npos; };
    const auto is = [&upper](const char *word) { return upper == word; };
    return std::any_of(std::begin(kWords), std::end(kWords), holds) ||
           std::any_of(std::begin(kNames), std::end(kNames), is) ||
           (inQuery && std::any_of(std::begin(kInQuery), std::end(kInQuery), is));
}

static bool IsOfKey(char c)
{
    return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
}

static bool StartsAt(const std::string &text, size_t at, const char *what)
{
    return EQUALN(text.c_str() + std::min(at, text.size()), what, strlen(what));
}

namespace
{
/* A value in a text. */
struct Span {
    size_t begin = 0, end = 0; /* the same: there is none */
};
} // namespace

static size_t FindOr(const std::string &text, size_t begin, const char *stops)
{
    return std::min(text.find_first_of(stops, begin), text.size());
}

/* 'x y' or "x y" with \' in it; the end of the text where the quote is not closed. */
static Span Quoted(const std::string &text, size_t at)
{
    size_t end = at + 1;
    while (end < text.size() && text[end] != text[at])
        end += text[end] == '\\' ? 2 : 1;
    return {at + 1, std::min(end, text.size())};
}

/* What stands behind a key that ends at `at`. */
static Span ValueBehind(const std::string &text, size_t at, bool inEncoded, bool isHeader)
{
    size_t begin = at;
    const bool quotedKey = begin < text.size() && (text[begin] == '"' || text[begin] == '\'');
    begin += quotedKey ? 1 : 0;
    if (begin < text.size() && text[begin] == '>') /* <Password>x<, key="PASSWORD">x< */
        return {begin + 1, FindOr(text, begin + 1, "<")};
    if (StartsAt(text, begin, "%3D"))
        return {begin + 3, std::min({FindOr(text, begin, "&;<>'\" \t\r\n"), text.find("%26", begin)})};
    const size_t sign = text.find_first_not_of(" ", begin);
    if (sign == std::string::npos || (text[sign] != '=' && text[sign] != ':') ||
        (text[sign] == ':' && StartsAt(text, sign, "://")))
        return {};
    begin = std::min(text.find_first_not_of(" ", sign + 1), text.size());
    if (begin < text.size() && (text[begin] == '"' || text[begin] == '\''))
        return Quoted(text, begin);
    if (text[sign] == ':' || isHeader) /* to the end of the header, or of all of them */
        return {begin, FindOr(text, begin, "&\r\n\"'<")};
    size_t end = FindOr(text, begin, "&;,<>'\" \t\r\n)");
    if (inEncoded)
        end = std::min(end, std::min(text.find("%26", begin), text.size()));
    return {begin, end};
}

/* ---- passes over a text ---- */

static std::string HideValues(const std::string &text)
{
    std::string shown;
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
        if (!IsOfKey(text[at])) {
            at++;
            continue;
        }
        size_t end = at;
        while (end < text.size() && IsOfKey(text[end]))
            end++;
        const bool inQuery = at > 0 && (strchr("?&", text[at - 1]) || text[at - 1] == '%');
        std::string key = text.substr(at, end - at);
        /* behind %26 or %3F */
        const bool inEncoded = at > 0 && text[at - 1] == '%' && (StartsAt(key, 0, "26") || StartsAt(key, 0, "3F"));
        if (inEncoded)
            key = key.substr(2);
        const bool isHeader = Upper(key).find("HEADER") != std::string::npos;
        const Span value = IsSecret(key, inQuery) ? ValueBehind(text, end, inEncoded, isHeader) : Span();
        at = end;
        if (value.end <= value.begin)
            continue;
        shown += text.substr(done, value.begin - done) + kHidden;
        done = at = value.end;
    }
    return shown + text.substr(done);
}

/* user:password@ and token@ behind //, or what stands for it. */
static std::string HideUsers(const std::string &text, const char *slashes, const char *colon, const char *sign,
                             const char *ends)
{
    std::string shown;
    size_t done = 0;
    for (size_t at = text.find(slashes); at != std::string::npos; at = text.find(slashes, at)) {
        at += strlen(slashes);
        size_t end = FindOr(text, at, ends);
        if (*slashes == '%')
            end = std::min(end, std::min(text.find("%2F", at), text.size()));
        const size_t last = text.rfind(sign, end);
        if (last == std::string::npos || last < at || last >= end)
            continue;
        const size_t between = text.find(colon, at);
        const size_t begin = between < last ? between + strlen(colon) : at; /* a name alone may be a token */
        shown += text.substr(done, begin - done) + kHidden;
        done = at = last;
    }
    return shown + text.substr(done);
}

/* OCI:user/password@instance and the like. */
static std::string HideLogins(const std::string &text)
{
    std::string hidden = text;
    for (const char *prefix : {"OCI:", "ODBC:", "GEOR:", "GEORASTER:"}) {
        const size_t at = Upper(hidden).find(prefix);
        if (at == std::string::npos || (at > 0 && IsOfKey(hidden[at - 1])))
            continue;
        const size_t begin = at + strlen(prefix), slash = hidden.find_first_of("/,", begin);
        const size_t end = slash == std::string::npos ? slash : hidden.find_first_of("@,", slash + 1);
        if (end != std::string::npos && slash > begin)
            hidden.replace(slash + 1, end - slash - 1, kHidden);
    }
    return hidden;
}

std::string WithoutSecrets(const std::string &text)
{
    /* An option: its value is one, whatever it contains. */
    const size_t equal = text.find('=');
    if (equal != std::string::npos && equal > 0 &&
        std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(equal), IsOfKey) &&
        IsSecret(text.substr(0, equal), false))
        return text.substr(0, equal + 1) + (equal + 1 < text.size() ? kHidden : "");
    std::string shown = text;
    for (size_t at = shown.find(kPatientFiles); at != std::string::npos; at = shown.find(kPatientFiles, at))
        shown.erase(at, strlen(kPatientFiles));
    shown = HideUsers(shown, "://", ":", "@", "/?#&<>'\" \t\r\n");
    shown = HideUsers(shown, "%3A%2F%2F", "%3A", "%40", "/?#&<>'\" \t\r\n");
    return HideValues(HideLogins(shown));
}

std::string LineWithoutSecrets(const std::string &line)
{
    size_t begin = 0;
    for (const char *what : {"option ", "TILE_CO=", "PART_DSCO=", "PART_LCO="})
        if (StartsAt(line, 0, what))
            begin = strlen(what); /* an option follows */
    const std::string shown = line.substr(0, begin) + WithoutSecrets(line.substr(begin));
    if (shown == line)
        return line;
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char c : line)
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return shown + CPLSPrintf(" (check %05x)", static_cast<unsigned>((hash ^ hash >> 20 ^ hash >> 40) & 0xfffff));
}

} // namespace fishnet
