/* Files that GDAL deletes to make place for an output, on this thread: a driver is asked to create the output only
 * when they are gone. So that one that turns out to be an input can be put back, one that may be an input is kept open
 * for a while: it is small, open already, or a file that this thread has opened lately refers to it. */
#ifndef FN_DELETED_FILES_H
#define FN_DELETED_FILES_H

#include <functional>
#include <string>

#include <gdal_priv.h>

#include "input_files.h"

namespace fishnet
{

/* For the Identify of a driver that GDAL asks before all others. */
void NoteDeletedFiles(const GDALOpenInfo *info);

/* For a driver of ours that creates the output: puts back what GDAL has deleted for it, byte for byte, if that is one
 * of the inputs that addInputs() adds. Its name, or empty. */
std::string PutBackDeletedFiles(const std::string &output, const std::function<void(InputFiles &inputs)> &addInputs);

} // namespace fishnet

#endif
