/* Owner of a file that GDAL has opened. */
#ifndef FN_FILE_HANDLE_H
#define FN_FILE_HANDLE_H

#include <memory>

#include <cpl_vsi.h>

namespace fishnet
{

struct CloseFile {
    void operator()(VSILFILE *file) const { VSIFCloseL(file); }
};
using FileHandle = std::unique_ptr<VSILFILE, CloseFile>;

} // namespace fishnet

#endif
