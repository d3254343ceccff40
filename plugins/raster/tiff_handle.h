/* A TIFF as libtiff has it, in any file that GDAL can open. */
#ifndef FN_FISHNET_TIFF_HANDLE_H
#define FN_FISHNET_TIFF_HANDLE_H

#include <string>

#include <cpl_vsi.h>

struct tiff;

namespace fishnet
{

class TiffHandle
{
  public:
    enum Access { kRead, kUpdate };

    TiffHandle() = default;
    ~TiffHandle() { Close(); }
    TiffHandle(const TiffHandle &) = delete;
    TiffHandle &operator=(const TiffHandle &) = delete;

    /* As all here: messages are kept, but those of a libtiff that is GDAL's too, and old, go to GDAL. */
    bool Open(const std::string &path, Access access);
    /* NULL where nothing is open. */
    struct tiff *Get() const { return m_tiff; }
    VSILFILE *File() const { return m_file; }
    /* Has the file not taken what was written? */
    bool HasFailed() const { return m_error != 0; }
    /* Why the first thing failed that did. */
    std::string Why(const char *otherwise) const;
    /* False if anything has not been written. */
    bool Close();

  private:
    struct Calls;

    struct tiff *m_tiff = nullptr;
    VSILFILE *m_file = nullptr;
    static constexpr vsi_l_offset kNotKnown = ~vsi_l_offset{0};
    bool m_writes = false; /* the last thing done was a write */
    vsi_l_offset m_at = 0, m_end = kNotKnown;
    int m_error = 0;       /* errno of the first write that failed */
    std::string m_message; /* libtiff's first error */
};

} // namespace fishnet

#endif
