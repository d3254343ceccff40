/* Files that outputs are made of: looked for, listed, removed, and written whole or not at all, on a disk, in memory or
 * in an object store, where a name is given by sending all at once. */
#ifndef FN_OUTPUT_FILES_H
#define FN_OUTPUT_FILES_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <cpl_vsi.h>

namespace fishnet::output
{

/* "FISHNET: NAME cannot be WHAT: <the system's reason>", by errno. driver: may be empty. Always false. */
bool FailFile(const char *driver, const std::string &name, const std::string &what);

/* Where the system's own calls reach the files. */
bool IsOnDisk(const std::string &name);
/* Whether a file or folder is there. False after CPLError: that cannot be found out. */
bool LookFor(const char *driver, const std::string &name, bool &there, VSIStatBufL &stat);
/* Where something unfinished grows, by its stem: "FOLDER/.STEM.4711.part", with the number of a process. */
std::string PartName(const std::string &folder, const std::string &stem, long process);

/* "No space left on device", when the system does not let files be written in that folder; else empty. */
std::string WhyNotWritable(const std::string &folder);

/* Writes a file under another name, then renames it: under its own it is always whole. False after CPLError. */
bool WriteWhole(const char *driver, const std::string &name, const std::string &text);
/* The same, but a file that is there stays as it is. run: see OutputFolder::Run(). */
bool WriteFirst(const char *driver, const std::string &name, const std::string &text, const std::string &run);

/* Lines of a file; none if it is not there. False after CPLError: it is there, and cannot be read. */
bool ReadLines(const char *driver, const std::string &name, std::vector<std::string> &lines);
/* Names in a folder, in any order, without those of the folder itself and the one above. False after CPLError: a folder
 * that cannot be listed is not an empty one. */
bool ListFolder(const char *driver, const std::string &folder, std::vector<std::string> &names);
/* Removes a file, or a folder with all that is in it; none may be there. False after CPLError: it stays. */
bool Remove(const char *driver, const std::string &name);

/* What an object store has below a folder, with sizes. It needs no folder to be there. False after CPLError. */
bool ListObjects(const char *driver, const std::string &folder, std::map<std::string, int64_t> &objects);
/* Sends a file from the disk into an object store. False after CPLError; then no such object is there. */
bool SendFile(const std::string &who, const std::string &from, const std::string &to);

} // namespace fishnet::output

#endif
