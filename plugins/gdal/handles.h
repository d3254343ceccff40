/* Owners of GDAL's C handles. */
#ifndef FN_HANDLES_H
#define FN_HANDLES_H

#include "boundary.h"

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_vsi.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "secrets.h"

namespace fishnet
{

struct CloseDataset {
    void operator()(void *dataset) const noexcept
    {
        GuardedQuietly(0, [dataset] {
            GDALClose(dataset);
            return 0;
        });
    }
};
using DatasetHandle = std::unique_ptr<void, CloseDataset>;
using Handles = std::vector<DatasetHandle>;

struct ReleaseSRS {
    void operator()(OGRSpatialReferenceH srs) const { OSRRelease(srs); }
};
using SRSHandle = std::unique_ptr<std::remove_pointer_t<OGRSpatialReferenceH>, ReleaseSRS>;

struct Message {
    CPLErr level;
    CPLErrorNum number;
    std::string text;
};

/* Collects this thread's GDAL messages while it lives, without the secrets in them, instead of the host's handler
 * getting them from a thread of ours. */
class MessageCollector
{
  public:
    MessageCollector() { CPLPushErrorHandlerEx(Collect, this); }
    ~MessageCollector()
    {
        PopErrorHandlersAbove(this);
        CPLPopErrorHandler();
    }
    MessageCollector(const MessageCollector &) = delete;
    MessageCollector &operator=(const MessageCollector &) = delete;

    /* The first error's text, or `otherwise`. */
    std::string Cause(const char *otherwise) const
    {
        for (const Message &message : messages)
            if (message.level >= CE_Failure)
                return message.text;
        return m_lost ? "out of memory" : otherwise;
    }
    /* Errors so far, those included that there was no memory for. */
    size_t Failures() const { return m_failures; }
    bool HasLost() const { return m_lost; }

    std::vector<Message> messages;

  private:
    size_t m_failures = 0;
    bool m_lost = false; /* an error that there was no memory for */

    static void CPL_STDCALL Collect(CPLErr level, CPLErrorNum number, const char *text)
    {
        auto *self = static_cast<MessageCollector *>(CPLGetErrorHandlerUserData());
        self->m_failures += level >= CE_Failure;
        const bool kept = GuardedQuietly(false, [&] {
            self->messages.push_back({level, number, WithoutSecrets(text)});
            return true;
        });
        self->m_lost = self->m_lost || (!kept && level >= CE_Failure);
    }
};

/* The name, made absolute if it is that of a file: the host may change its folder before a worker opens it. */
inline std::string AbsoluteName(const std::string &name)
{
    VSIStatBufL stat;
    std::string path = name;
    if (CPLIsFilenameRelative(name.c_str()) && VSIStatL(name.c_str(), &stat) == 0)
        if (char *folder = CPLGetCurrentDir()) {
            path = std::string(folder) + "/" + name;
            CPLFree(folder);
        }
    return path;
}

/* Passes a collected message on to the host. context: what stands before it. */
inline void Emit(const Message &message, const char *context = "")
{
    if (message.level == CE_Debug)
        CPLDebug("FISHNET", "%s%s", context, message.text.c_str());
    else
        CPLError(message.level, message.number, "%s%s", context, message.text.c_str());
}

} // namespace fishnet

#endif
