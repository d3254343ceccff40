#include "tiff_handle.h"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include <tiffio.h>

namespace fishnet
{

/* What libtiff calls for the file. */
struct TiffHandle::Calls {
    static TiffHandle *Of(thandle_t self) { return static_cast<TiffHandle *>(self); }
    static void Note(thandle_t self)
    {
        if (Of(self)->m_error == 0)
            Of(self)->m_error = errno ? errno : EIO;
    }
    static tmsize_t Read(thandle_t self, void *data, tmsize_t size)
    {
        const size_t done = VSIFReadL(data, 1, static_cast<size_t>(size), Of(self)->m_file);
        Of(self)->m_writes = false;
        Of(self)->m_at += done;
        return static_cast<tmsize_t>(done);
    }
    static tmsize_t Write(thandle_t self, void *data, tmsize_t size)
    {
        errno = 0;
        const size_t done = VSIFWriteL(data, 1, static_cast<size_t>(size), Of(self)->m_file);
        if (done < static_cast<size_t>(size))
            Note(self);
        Of(self)->m_writes = done == static_cast<size_t>(size);
        Of(self)->m_at += done;
        if (Of(self)->m_end != kNotKnown)
            Of(self)->m_end = std::max(Of(self)->m_end, Of(self)->m_at);
        return static_cast<tmsize_t>(done);
    }
    /* A file that grows is not asked for its end before each block: it would write what it has kept, and read it. */
    static bool IsThere(const TiffHandle &handle, toff_t offset, int whence)
    {
        return handle.m_writes && ((whence == SEEK_SET && offset == handle.m_at) ||
                                   (whence == SEEK_END && offset == 0 && handle.m_at == handle.m_end));
    }
    static toff_t Seek(thandle_t self, toff_t offset, int whence)
    {
        TiffHandle &handle = *Of(self);
        if (IsThere(handle, offset, whence))
            return handle.m_at;
        handle.m_writes = false;
        errno = 0;
        if (VSIFSeekL(Of(self)->m_file, offset, whence) != 0) { /* writes what it has kept */
            Note(self);
            return static_cast<toff_t>(-1);
        }
        handle.m_at = VSIFTellL(handle.m_file);
        if (whence == SEEK_END)
            handle.m_end = handle.m_at;
        return handle.m_at;
    }
    static int Close(thandle_t) { return 0; }
    static toff_t Size(thandle_t self)
    {
        const vsi_l_offset here = VSIFTellL(Of(self)->m_file);
        const toff_t size = Seek(self, 0, SEEK_END);
        VSIFSeekL(Of(self)->m_file, here, SEEK_SET);
        Of(self)->m_at = here;
        Of(self)->m_writes = false;
        return size;
    }
    static int Map(thandle_t, void **, toff_t *) { return 0; }
    static void Unmap(thandle_t, void *, toff_t) {}
#if TIFFLIB_VERSION >= 20221213
    static int Error(TIFF *, void *self, const char *, const char *format, va_list arguments)
    {
        char text[500];
        vsnprintf(text, sizeof text, format, arguments);
        if (Of(self)->m_message.empty())
            Of(self)->m_message = text;
        return 1;
    }
    static int Warning(TIFF *, void *, const char *, const char *, va_list)
    {
        return 1;
    }
#endif
};

bool TiffHandle::Open(const std::string &path, Access access)
{
    Close();
    m_writes = false;
    m_at = 0;
    m_end = kNotKnown;
    errno = 0;
    m_file = VSIFOpenL(path.c_str(), access == kUpdate ? "r+b" : "rb");
    if (!m_file) {
        m_message = errno ? strerror(errno) : "it cannot be opened";
        return false;
    }
    const char *mode = access == kUpdate ? "r+" : "rO"; /* O: where blocks are is read when it is asked for */
#if TIFFLIB_VERSION >= 20221213
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) {
        m_message = "out of memory";
        return false;
    }
    TIFFOpenOptionsSetErrorHandlerExtR(options, Calls::Error, this);
    TIFFOpenOptionsSetWarningHandlerExtR(options, Calls::Warning, nullptr);
    m_tiff = TIFFClientOpenExt(path.c_str(), mode, this, Calls::Read, Calls::Write, Calls::Seek, Calls::Close,
                               Calls::Size, Calls::Map, Calls::Unmap, options);
    TIFFOpenOptionsFree(options);
#else
    m_tiff = TIFFClientOpen(path.c_str(), mode, this, Calls::Read, Calls::Write, Calls::Seek, Calls::Close, Calls::Size,
                            Calls::Map, Calls::Unmap);
#endif
    return m_tiff != nullptr;
}

std::string TiffHandle::Why(const char *otherwise) const
{
    return m_error ? strerror(m_error) : !m_message.empty() ? m_message : otherwise;
}

bool TiffHandle::Close()
{
    if (m_tiff)
        TIFFClose(m_tiff);
    m_tiff = nullptr;
    errno = 0;
    if (m_file && VSIFCloseL(m_file) != 0 && m_error == 0)
        m_error = errno ? errno : EIO;
    m_file = nullptr;
    return m_error == 0;
}

} // namespace fishnet
