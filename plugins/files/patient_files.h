/* A file system over the files of others: a file beyond a network whose server fails is asked for again, and what it
 * does not give then is an error. GDAL's own hand over as many bytes as have come, or no file, and many drivers take
 * that for the end of a file, for pixels that are not stored, or for a file that is not there. */
#ifndef FN_PATIENT_FILES_H
#define FN_PATIENT_FILES_H

#include <cstdint>
#include <string>

namespace fishnet
{

/* Once in a process, before any dataset is opened. */
void InstallPatientFiles();

/* The name by which a file beyond a network is read so; of any other file its own. */
std::string PatientName(const std::string &name);
/* The file's own name, or a text with such names. */
std::string PlainName(const std::string &name);

/* A dataset's list of files, with their own names. Takes the list. */
char **PlainNames(char **names);

/* How many times the process has been told by an error that a file could not be read so: drivers may go on. */
int64_t PatientFailures();

/* Does a server answer so, "HTTP response code: 503", that may give the file later? */
bool MayPass(const std::string &answer);

} // namespace fishnet

#endif
