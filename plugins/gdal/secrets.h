/* Passwords and keys in names of datasets and in options: they are used as they are, and shown to nobody. */
#ifndef FN_SECRETS_H
#define FN_SECRETS_H

#include <string>

namespace fishnet
{

/* How the names of files begin that are read by files/patient_files.h: it is not shown, either. */
constexpr const char *kPatientFiles = "/vsifishnet/";

/* A name, an option (KEY=VALUE) or a message with *** for what is secret in it: values of keys such as PASSWORD, TOKEN,
 * AWS_SECRET_ACCESS_KEY, GDAL_HTTP_HEADERS, X-Amz-Signature and sig, written as KEY=VALUE, in a URL, in JSON or in XML;
 * user:password@ in URLs, also percent-encoded ones; OCI:user/password@. Whatever shows a name to people, or writes it
 * where others may read it, passes it through this. */
std::string WithoutSecrets(const std::string &text);

/* The same for a line that is compared later: a line with secrets ends in a check of the whole, so that another secret
 * makes another line. The check has 20 bits: enough to notice a change, too few to try passwords against. */
std::string LineWithoutSecrets(const std::string &line);

} // namespace fishnet

#endif
