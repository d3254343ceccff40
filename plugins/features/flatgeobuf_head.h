/* What stands before the features of a FlatGeobuf and before its spatial index: its magic bytes and its header, a
 * FlatBuffer, in which two things depend on the features: how many there are, and where. */
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
    /* The file, or its begin with the whole head. False: it is none, or its features are not counted. */
    bool Read(const char *file, size_t size);
    /* Of that many bytes at the begin of a file; 0: it is none. */
    static constexpr size_t kBegin = 12;
    static size_t Size(const char *begin);
    const std::string &Bytes() const { return m_bytes; }
    uint64_t Features() const;
    bool HasIndex() const { return m_node > 0; }
    /* The index of that many features, which stands between the head and them. */
    uint64_t IndexBytes(uint64_t features) const;
    void SetCount(uint64_t count);
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
    uint16_t m_node = 0;                /* of the index, its entries; 0: there is none */
};

} // namespace fishnet

#endif
