/* A file that grows piece by piece. */
#ifndef FN_JOINED_FILE_H
#define FN_JOINED_FILE_H

#include "file_writer.h"
#include "flatgeobuf_head.h"
#include "pieces.h"

namespace fishnet
{

class JoinedFile
{
  public:
    /* path: of a file without rows, which it is until there are some. format: lives longer. */
    JoinedFile(const RowsFormat &format, std::string path)
        : m_format(format), m_path(std::move(path)), m_isFlatGeobuf(format.IsFlatGeobuf())
    {
    }
    /* Both: false, and Why(). */
    bool Add(const Piece &piece);
    bool Close();
    std::string Why() const { return m_why.empty() ? m_file.Why() : m_why; }

  private:
    bool AddHead(const Piece &piece);

    const RowsFormat &m_format;
    std::string m_path, m_why;
    bool m_isFlatGeobuf;
    output::FileWriter m_file;
    FlatGeobufHead m_head;
};

} // namespace fishnet

#endif
