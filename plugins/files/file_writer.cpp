#include "file_writer.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace fishnet::output
{

bool FileWriter::Note(bool good)
{
    if (!good && m_why.empty())
        m_why = strerror(errno ? errno : EIO);
    return m_why.empty();
}

bool FileWriter::Open(const std::string &path)
{
    errno = 0;
    m_file = VSIFOpenL(path.c_str(), "wb");
    return Note(m_file != nullptr);
}

bool FileWriter::Write(const char *bytes, size_t size)
{
    errno = 0;
    return Note(size == 0 || VSIFWriteL(bytes, 1, size, m_file) == size);
}

bool FileWriter::Rewrite(const std::string &begin)
{
    errno = 0;
    return Note(VSIFSeekL(m_file, 0, SEEK_SET) == 0) && Write(begin.data(), begin.size());
}

bool FileWriter::Close()
{
    errno = 0;
    return Note(!m_file || VSIFCloseL(std::exchange(m_file, nullptr)) == 0);
}

} // namespace fishnet::output
