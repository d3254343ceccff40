/* Planes with a reach: windows overlap, and are read in units that the workers share. */
#include "reader.h"

#include "pixels.h"

namespace fishnet
{

namespace
{
/* A part of a grown window that lies in the raster, and where its first pixel goes. */
struct Piece {
    fn_window from;
    int64_t x, y;
};
} // namespace

/* One, unless the window ends beyond a raster that wraps. */
static std::vector<Piece> CutAtEdges(const fn_window &window, int64_t width, int64_t height)
{
    const auto inside = [](int64_t at, int64_t size) { return (at % size + size) % size; };
    std::vector<Piece> pieces;
    for (int64_t y = 0, rows = 0; y < window.height; y += rows) {
        const int64_t top = inside(window.y + y, height);
        rows = std::min(height - top, window.height - y);
        for (int64_t x = 0, columns = 0; x < window.width; x += columns) {
            const int64_t left = inside(window.x + x, width);
            columns = std::min(width - left, window.width - x);
            pieces.push_back({{left, top, columns, rows}, x, y});
        }
    }
    return pieces;
}

void InputReader::ResizePlane(const Plane &plane, size_t index, int64_t pixels)
{
    m_read[index].pixels.resize(static_cast<size_t>(pixels) * fn_type_size(plane.type));
    m_read[index].mask.resize(plane.Masked() ? static_cast<size_t>(pixels) : 0);
}

/* What a unit has of a plane's grown window. */
struct InputReader::Part {
    size_t plane;
    fn_window from;     /* of the raster */
    int64_t x, y;       /* of the first pixel, as the grown window counts */
    bool stays;         /* in the unit */
    int64_t at, stride; /* in m_read, of what does not */
};

/* Copies a part out of its unit, or takes it as it lies there. at: of the unit. */
void InputReader::UsePart(const Plane &plane, const Part &part, const PlanePixels &unit, const fn_window &at)
{
    const size_t size = fn_type_size(plane.type), to = static_cast<size_t>(part.at);
    const size_t first = static_cast<size_t>((part.from.y - at.y) * at.width + part.from.x - at.x);
    PlanePixels &own = m_read[part.plane];
    fn_piece piece = {{part.x, part.y, part.from.width, part.from.height}, nullptr, nullptr, part.stride};
    if (part.stays) {
        piece.data = &unit.pixels[first * size];
        piece.mask = plane.Masked() ? &unit.mask[first] : nullptr;
        piece.stride = at.width;
        m_pieces[part.plane].insert(m_pieces[part.plane].begin(), piece); /* most pixels are there */
        return;
    }
    CopyRows(&unit.pixels[first * size], at.width, &own.pixels[to * size], part.stride, part.from, size);
    if (plane.Masked())
        CopyRows(reinterpret_cast<const char *>(&unit.mask[first]), at.width, reinterpret_cast<char *>(&own.mask[to]),
                 part.stride, part.from, 1);
    piece.data = &own.pixels[to * size];
    piece.mask = plane.Masked() ? &own.mask[to] : nullptr;
    if (plane.HasReach())
        m_pieces[part.plane].push_back(piece);
}

/* Reads the planes of those inputs that are read by units, without their units. */
bool InputReader::ReadAlone(const std::vector<Plane> &planes, const fn_window &window, const volatile bool *cancel)
{
    m_held.clear();
    for (size_t i = 0; i < planes.size(); i++) {
        const fn_grid &units = m_inputs[planes[i].input].units;
        if (units.width == 0)
            continue;
        const fn_window grown = GrownWindow(m_inputs, planes[i], window);
        ResizePlane(planes[i], i, grown.width * grown.height);
        m_pieces[i].clear();
        for (const Piece &piece : CutAtEdges(grown, units.width, units.height)) {
            std::vector<PlanePixels> own(planes.size());
            if (!ReadGroup(planes, {i}, piece.from, cancel, own))
                return false;
            const Part all = {i, piece.from, 0, 0, false, piece.y * grown.width + piece.x, grown.width};
            UsePart(planes[i], all, own[i], piece.from);
        }
        m_pieces[i].clear(); /* they are packed */
    }
    return true;
}

/* Reads the planes of those inputs that are read by units. Where a unit fails, it may be for a block that this window
 * does not need. */
bool InputReader::ReadShared(const std::vector<Plane> &planes, const fn_window &window, const volatile bool *cancel)
{
    std::vector<Message> said;
    bool done = false;
    {
        MessageCollector collector;
        done = ReadUnits(planes, window, cancel);
        said = std::move(collector.messages);
    }
    if (!done && !fn_is_cancelled(cancel) && ReadAlone(planes, window, cancel))
        return true;
    for (const Message &message : said)
        Emit(message);
    return done;
}

/* Which parts of which units planes consist of. A part that is most of its unit stays there: the unit's memory is
 * hardly more. Planes without a reach are packed. */
std::map<SharedBlocks::Key, std::vector<InputReader::Part>> InputReader::CutByUnits(const std::vector<Plane> &planes,
                                                                                    const fn_window &window)
{
    std::map<SharedBlocks::Key, std::vector<Part>> parts;
    for (size_t i = 0; i < planes.size(); i++) {
        const Plane &plane = planes[i];
        const fn_grid &units = m_inputs[plane.input].units;
        if (units.width == 0)
            continue;
        const fn_window grown = GrownWindow(m_inputs, plane, window);
        int64_t room = plane.HasReach() ? 0 : grown.width * grown.height;
        for (const Piece &piece : CutAtEdges(grown, units.width, units.height)) {
            const fn_window &from = piece.from, touched = fn_grid_touch(&units, from);
            for (int64_t row = touched.y; row < touched.y + touched.height; row++)
                for (int64_t column = touched.x; column < touched.x + touched.width; column++) {
                    const int64_t number = row * units.cols + column;
                    const fn_window unit = fn_grid_tile(&units, number), both = fn_window_overlap(from, unit);
                    const int64_t x = piece.x + both.x - from.x, y = piece.y + both.y - from.y;
                    Part part = {i, both, grown.x + x, grown.y + y, false, y * grown.width + x, grown.width};
                    if (plane.HasReach()) {
                        part.stays = 4 * both.width * both.height >= 3 * unit.width * unit.height;
                        part.at = room;
                        part.stride = both.width;
                        room += part.stays ? 0 : both.width * both.height;
                    }
                    parts[{plane.input, number}].push_back(part);
                }
        }
        ResizePlane(plane, i, room);
    }
    return parts;
}

bool InputReader::ReadUnits(const std::vector<Plane> &planes, const fn_window &window, const volatile bool *cancel)
{
    const auto parts = CutByUnits(planes, window);
    std::vector<SharedBlocks::Key> wanted;
    for (const auto &[key, own] : parts)
        wanted.push_back(key);
    const auto readUnit = [&](const SharedBlocks::Key &key, SharedBlocks::Unit &unit) {
        unit.resize(planes.size()); /* it may be one that was used before */
        std::vector<size_t> group;
        for (size_t i = 0; i < planes.size(); i++)
            if (planes[i].input != key.input)
                unit[i] = {};
            else
                group.push_back(i);
        return ReadGroup(planes, group, fn_grid_tile(&m_inputs[key.input].units, key.unit), cancel, unit);
    };
    const auto useUnit = [&](const SharedBlocks::Key &key, const SharedBlocks::Shared &unit) {
        for (const Part &part : parts.at(key)) {
            UsePart(planes[part.plane], part, (*unit)[part.plane], fn_grid_tile(&m_inputs[key.input].units, key.unit));
            if (part.stays)
                m_held.push_back(unit);
        }
    };
    return wanted.empty() || m_blocks->Visit(std::move(wanted), cancel, readUnit, useUnit);
}

} // namespace fishnet
