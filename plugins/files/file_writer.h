/* A file written from its begin to its end, with the first thing that went wrong. */
#ifndef FN_FILE_WRITER_H
#define FN_FILE_WRITER_H

#include <string>

#include <cpl_vsi.h>

namespace fishnet::output
{

class FileWriter
{
  public:
    FileWriter() = default;
    ~FileWriter() { Close(); }
    FileWriter(const FileWriter &) = delete;
    FileWriter &operator=(const FileWriter &) = delete;

    bool IsOpen() const { return m_file != nullptr; }
    /* All: false, and Why(). Open: a file that is there is emptied. */
    bool Open(const std::string &path);
    bool Write(const char *bytes, size_t size);
    /* Writes once more what the file begins with. */
    bool Rewrite(const std::string &begin);
    bool Close();
    const std::string &Why() const { return m_why; }

  private:
    bool Note(bool good);

    VSILFILE *m_file = nullptr;
    std::string m_why;
};

} // namespace fishnet::output

#endif
