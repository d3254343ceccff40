/* Inputs that lie beyond a network: which they are, and what reading them needs. Latency is what costs there, so that
 * more of them are read at a time than there are CPUs to compute. */
#ifndef FN_FISHNET_REMOTE_H
#define FN_FISHNET_REMOTE_H

#include <string>

#include <gdal.h>

#include "thread_setting.h"
#include "turns.h"

namespace fishnet
{

/* Does a dataset lie beyond a network? By its name, its files, or a driver that reads from a service. path: its
 * name. */
bool IsRemote(GDALDatasetH dataset, const std::string &path);

/* How what is read beyond a network is stored there. */
struct RemoteStorage {
    bool is = false; /* false: there is nothing of it */
    int64_t width = 0;
    int blockWidth = 0, blockHeight = 0;
    double pixelBytes = 0; /* of a pixel in the file, all bands; 0: not known */

    void Add(const RemoteStorage &other);
    static RemoteStorage Of(GDALDatasetH dataset, const std::string &path);
};

/* What this thread opens or reads is not read by threads of GDAL: where a request fails, these may leave holes and say
 * nothing. */
ThreadSetting WithoutThreads(bool isRemote);

/* After a read of such an input has failed: GDAL forgets what it knows of the file, so that the next attempt asks
 * again. What the server says of the file now, if it gives no file: "HTTP response code: 403"; else empty. */
std::string ForgetRemote(const std::string &path);

} // namespace fishnet

#endif
