/* What is installed, what this process may use, a test of ourselves, and what to do about each thing that is wrong:
 * behind `gdal fishnet doctor` and `fishnet doctor`. */
#ifndef FN_DOCTOR_H
#define FN_DOCTOR_H

#include <string>

namespace fishnet::commands
{

/* How many things are wrong. The answer has a line for each thing that was looked at, or is a JSON object of them. */
int AskDoctor(bool json, std::string &answer);

} // namespace fishnet::commands

#endif
