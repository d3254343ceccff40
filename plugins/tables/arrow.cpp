#include "arrow.h"

#include <memory>

namespace fishnet
{

bool ArrowColumn::Makes(OGRFieldType type, OGRFieldSubType subtype)
{
    return type == OFTString ||
           ((type == OFTInteger || type == OFTInteger64 || type == OFTReal) && subtype == OFSTNone);
}

ArrowColumn::Kind ArrowColumn::KindOf(OGRFieldType type)
{
    return type == OFTInteger     ? Kind::Integer
           : type == OFTInteger64 ? Kind::Integer64
           : type == OFTReal      ? Kind::Real
                                  : Kind::String;
}

ArrowColumn::ArrowColumn(Kind kind) : m_kind(kind), m_width(kind == Kind::Integer ? 4 : 8)
{
    if (HasOffsets())
        m_offsets.push_back(0);
}

void ArrowColumn::AppendBytes(const void *bytes, size_t n)
{
    const char *begin = static_cast<const char *>(bytes);
    if (n > 0)
        m_data.insert(m_data.end(), begin, begin + n);
    m_offsets.push_back(static_cast<int32_t>(m_data.size()));
    m_length++;
}

void ArrowColumn::AppendNull()
{
    if (HasOffsets())
        AppendBytes(nullptr, 0);
    else {
        m_data.resize(m_data.size() + m_width);
        m_length++;
    }
    SetNull(m_length - 1);
}

void ArrowColumn::SetNull(int64_t i)
{
    const auto byte = static_cast<size_t>(i / 8);
    if (m_validity.size() <= byte)
        m_validity.resize(byte + 1, 0xFF);
    m_validity[byte] = static_cast<unsigned char>(m_validity[byte] & ~(1u << (i % 8)));
    m_nulls++;
}

namespace
{
/* What an exported array owns. Its children are released with it, or by whoever has taken them before. */
struct Owned {
    std::vector<ArrowArray> arrays;
    std::vector<ArrowArray *> children;
    const void *buffers[1] = {nullptr};
};

void ReleaseStruct(ArrowArray *array)
{
    auto *owned = static_cast<Owned *>(array->private_data);
    for (ArrowArray *child : owned->children)
        if (child->release)
            child->release(child);
    delete owned;
    array->release = nullptr;
}
} // namespace

void ArrowColumn::Export(std::vector<ArrowColumn> &&columns, int64_t rows, ArrowArray *array)
{
    struct Child {
        ArrowColumn column;
        const void *buffers[3];
    };
    auto owned = std::make_unique<Owned>();
    owned->arrays.resize(columns.size());
    owned->children.resize(columns.size());
    std::vector<std::unique_ptr<Child>> made;
    for (ArrowColumn &column : columns) {
        made.push_back(std::unique_ptr<Child>(new Child{std::move(column), {}}));
        ArrowColumn &own = made.back()->column;
        if (own.m_nulls > 0)
            own.m_validity.resize(static_cast<size_t>((own.m_length + 7) / 8), 0xFF);
        own.m_data.reserve(1); /* a buffer is never NULL */
    }
    /* Nothing can fail from here on. */
    for (size_t i = 0; i < made.size(); i++) {
        Child *child = made[i].release();
        const ArrowColumn &own = child->column;
        ArrowArray &out = owned->arrays[i];
        memset(&out, 0, sizeof out);
        out.length = own.m_length;
        out.null_count = own.m_nulls;
        child->buffers[0] = own.m_nulls > 0 ? own.m_validity.data() : nullptr;
        child->buffers[1] = own.HasOffsets() ? static_cast<const void *>(own.m_offsets.data()) : own.m_data.data();
        child->buffers[2] = own.m_data.data();
        out.n_buffers = own.HasOffsets() ? 3 : 2;
        out.buffers = child->buffers;
        out.private_data = child;
        out.release = [](ArrowArray *self) {
            delete static_cast<Child *>(self->private_data);
            self->release = nullptr;
        };
        owned->children[i] = &out;
    }
    memset(array, 0, sizeof *array);
    array->length = rows;
    array->n_buffers = 1;
    array->buffers = owned->buffers;
    array->n_children = static_cast<int64_t>(owned->children.size());
    array->children = owned->children.data();
    array->release = ReleaseStruct;
    array->private_data = owned.release();
}

} // namespace fishnet
