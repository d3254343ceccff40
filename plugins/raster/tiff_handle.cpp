#include "tiff_handle.h"

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
        return static_cast<tmsize_t>(VSIFReadL(data, 1, static_cast<size_t>(size), Of(self)->m_file));
    }
    static tmsize_t Write(thandle_t self, void *data, tmsize_t size)
    {
        errno = 0;
        const size_t done = VSIFWriteL(data, 1, static_cast<size_t>(size), Of(self)->m_file);
        if (done < static_cast<size_t>(size))
            Note(self);
        return static_cast<tmsize_t>(done);
    }
    static toff_t Seek(thandle_t self, toff_t offset, int whence)
    {
        errno = 0;
        if (VSIFSeekL(Of(self)->m_file, offset, whence) != 0) { /* writes what it has kept */
            Note(self);
            return static_cast<toff_t>(-1);
        }
        return VSIFTellL(Of(self)->m_file);
    }
    static int Close(thandle_t) { return 0; }
    static toff_t Size(thandle_t self)
    {
        const vsi_l_offset here = VSIFTellL(Of(self)->m_file);
        const toff_t size = Seek(self, 0, SEEK_END);
        VSIFSeekL(Of(self)->m_file, here, SEEK_SET);
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
