/* What stands before the features of a FlatGeobuf without spatial index: its magic bytes and its header, a FlatBuffer,
 * in which two things depend on the features: how many there are, and where. */
#ifndef FN_FLATGEOBUF_HEAD_H
#define FN_FLATGEOBUF_HEAD_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace fishnet
{

class FlatGeobufHead
{
  public:
    /* The file, or its begin with the whole head. False: it is none, or has a spatial index, or its features are not
     * counted. */
    bool Read(const char *file, size_t size);
    const std::string &Bytes() const { return m_bytes; }
    uint64_t Features() const;
    /* Takes the features of a file that follows into account. False: it has other columns. */
    bool Add(const FlatGeobufHead &next);
    /* corners: least x and y, greatest x and y. */
    void SetFeatures(uint64_t count, const double corners[4]);

  private:
    bool FindFields();
    bool Has(size_t at, size_t size) const { return at <= m_bytes.size() && size <= m_bytes.size() - at; }
    template <class T> T Get(size_t at) const;
    template <class T> void Set(size_t at, T value);

    std::string m_bytes;
    size_t m_count = 0, m_envelope = 0; /* where they are; 0: there is no envelope */
};

} // namespace fishnet

#endif
