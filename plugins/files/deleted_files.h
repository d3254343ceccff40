/* Files that GDAL deletes to make place for an output, on this thread: a driver is asked to create the output only
 * when they are gone. So that one that turns out to be an input can be put back, one that may be an input is kept open
 * for a while: it is small, open already, or a file that this thread has opened lately refers to it. So is one that was
 * made of shares. */
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
 * of the inputs that addInputs() adds. Its name, or empty. anyway: puts it back even if it is no input, for a share
 * of a job, which leaves alone what has been made of all shares, as long as their folder is there. */
std::string PutBackDeletedFiles(const std::string &output, const std::function<void(InputFiles &inputs)> &addInputs,
                                bool anyway = false);

/* For the Identify of that driver, and for its Delete: does GDAL make place for an output where a mosaic or union of
 * ours stands? Shares that run at once all do so, and GDAL's drivers complain of what another one has deleted. */
bool IsMosaicToDelete(const char *name);
/* As GDAL would have done. It is well if the file is gone. */
CPLErr DeleteMosaic(const char *name);

/* Whether the name is that of a mosaic over tiles, or a union over parts: their folder lies beside it. */
bool IsOverParts(const std::string &path);

} // namespace fishnet

#endif
