/* Partial results of a table in files, one for each part of the work: what is written on one machine is read on
 * another. What is in the records only their table knows.
 *
 * A file is a head, then records, and at the end a record of the kind PartialFile::End with the number of those before
 * it. Numbers are in the order of bytes of the machine that wrote them, which the head tells:
 *
 *     offset  type
 *          0  8 bytes   "FISHPART"
 *          8  uint32    1, the version of all this
 *         12  uint32    0x01020304
 *         16  uint64    the check of the recipe, see OutputRecipe::Check()
 *         24  int64     part, from 0
 *         32  int64     of so many
 *
 *     and of each record
 *          0  int64     key: records are read in the order of keys
 *          8  uint64    kind
 *         16  uint64    n
 *         24  uint64    check of these 24 bytes and those that follow
 *         32  n bytes */
#ifndef FN_PARTIAL_FILE_H
#define FN_PARTIAL_FILE_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <cpl_vsi.h>

#include "file_handle.h"
#include "fishnet/base.h"

namespace fishnet
{

/* Which part a file is, and of what. */
struct PartialHead {
    char magic[8] = {'F', 'I', 'S', 'H', 'P', 'A', 'R', 'T'};
    uint32_t version = 1, order = 0x01020304;
    uint64_t recipe = 0;
    int64_t part = 0, parts = 1;
};

struct PartialRecordHead {
    int64_t key;
    uint64_t kind, bytes, check;
};

class PartialWriter
{
  public:
    static constexpr uint64_t kEnd = UINT64_MAX;

    /* As all here: FN_ERR_VALUE and the cause where the file cannot be written, as trying again fills no less of a
     * disk. */
    fn_status Open(const std::string &name, const PartialHead &head, fn_error *err);
    fn_status Add(int64_t key, uint64_t kind, const void *data, size_t bytes, fn_error *err);
    /* Without it the file is not whole. */
    fn_status Close(fn_error *err);

  private:
    fn_status Write(const void *data, size_t bytes, fn_error *err);

    std::string m_name;
    FileHandle m_file;
    int64_t m_count = 0;
};

/* All parts. One thread at a time. */
class PartialReader
{
  public:
    struct Record {
        int64_t key;
        uint64_t kind;
        size_t file;
        uint64_t offset, bytes, check;
    };

    /* Empty, or why the file is not that part, whole: it is read from end to end. */
    static std::string WhyNot(const std::string &name, const PartialHead &head);

    /* The files of the parts 0, 1... `recipe`: that they are of. FN_ERR_READ: one of them is not whole. */
    fn_status Open(const std::vector<std::string> &files, uint64_t recipe, fn_error *err);
    /* By key, those of a key by part and as they were written. */
    const std::vector<Record> &Records() const { return m_records; }
    /* The bytes of a record; they last until the next. FN_ERR_READ: they are not what was written. */
    fn_status Read(const Record &record, std::vector<char> &data, fn_error *err);

  private:
    std::vector<std::string> m_names;
    std::vector<Record> m_records;
    FileHandle m_file; /* the one that was read last */
    size_t m_open = 0;
};

} // namespace fishnet

#endif
