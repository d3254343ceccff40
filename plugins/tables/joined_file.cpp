#include "joined_file.h"

namespace fishnet
{

bool JoinedFile::AddHead(const Piece &piece)
{
    FlatGeobufHead head;
    const bool first = !m_file.IsOpen();
    bool good = !m_isFlatGeobuf || (head.Read(piece.head, piece.headSize) && !head.HasIndex());
    if (good && m_isFlatGeobuf && !first)
        good = m_head.Add(head);
    else
        m_head = head;
    if (!good)
        m_why = "what the driver " + m_format.driver + " writes cannot be joined";
    return good && (!first || (m_file.Open(m_path) && m_file.Write(piece.head, piece.headSize)));
}

bool JoinedFile::Add(const Piece &piece)
{
    return AddHead(piece) && m_file.Write(piece.body, piece.bodySize);
}

bool JoinedFile::Close()
{
    if (m_file.IsOpen() && m_isFlatGeobuf && !m_file.Rewrite(m_head.Bytes()))
        return false;
    return m_file.Close();
}

} // namespace fishnet
