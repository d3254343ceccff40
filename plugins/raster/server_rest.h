/* Servers that limit requests (429, 503): all of this process that read beyond a network leave them alone for as long
 * as they ask for. */
#ifndef FN_FISHNET_SERVER_REST_H
#define FN_FISHNET_SERVER_REST_H

#include <string>

namespace fishnet
{

/* After a read of this file has failed, and a look at it gave that answer: does its server limit requests? Then it is
 * asked for how long, and left alone, see ServersWantRest(). What is to be said of it; empty: it does not. */
std::string AskForRest(const std::string &path, const std::string &answer);

/* What the server of a file answers that GDAL cannot read: "HTTP response code: 503", "CURL error: ..."; empty: it
 * gives it. */
std::string AskForAnswer(const std::string &path);

/* "7", or a date (RFC 9110, 10.2.3), as seconds from `now`, which is in seconds, too. Negative: it is neither. */
double SecondsOfRetryAfter(const char *text, double now);

} // namespace fishnet

#endif
