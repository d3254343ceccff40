/* The folder of the tiles: whose it is, what is whole in it, and what is left over. */
#ifndef FN_FISHNET_TILE_FOLDER_H
#define FN_FISHNET_TILE_FOLDER_H

#include "fishnet/tiles.h"

namespace fishnet
{

/* A tile is written under its own name in a folder of its own, and moved from there when it is whole, with the files that belong to it:
 * ".r003_c012.4711.part", with the number of the process that writes it. */
std::string PartFolder(const TileSet &tiles, int64_t tile, long process);
/* Beside a tile with pixels that could not be computed (ON_ERROR=NODATA): why, a line for each. */
std::string FailedFile(const TileSet &tiles, int64_t tile);

/* "No space left on device", when the system does not let files be written in that folder; else empty. */
std::string WhyNotWritable(const std::string &folder);

class TileFolder
{
  public:
    explicit TileFolder(const TileSet &tiles) : m_tiles(tiles) {}
    ~TileFolder();
    TileFolder(const TileFolder &) = delete;
    TileFolder &operator=(const TileFolder &) = delete;

    /* Makes the folder or takes it over, and keeps other processes out. recipe: all that the tiles depend on, a line each. Without
     * `resume` older tiles are removed. A folder that is not of our making is refused. False after CPLError. */
    bool Begin(const std::vector<std::string> &recipe, bool resume);

    /* Is the tile there, whole, and without failures? What there is of it otherwise is removed. */
    bool HasTile(int64_t tile) const;
    /* The failures noted beside tiles. */
    std::vector<std::string> Failures() const;

    /* What a process that is gone has left of a tile. */
    void RemovePart(int64_t tile, long process) const;
    void RemoveParts() const;

  private:
    std::vector<std::string> List() const;
    bool Lock();
    bool IsOurs(bool &isNew);
    bool SameRecipe(const std::vector<std::string> &recipe, bool &same) const;
    bool WriteRecipe(const std::vector<std::string> &recipe) const;
    bool RemoveTiles() const;

    const TileSet &m_tiles;
    int m_lock = -1;
};

/* Of an index over the tiles. */
constexpr const char *kIndexName = "index.fgb";

/* Writes a file under another name, then renames it: under its own it is always whole. False after CPLError. */
bool WriteWhole(const std::string &name, const std::string &text);

} // namespace fishnet

#endif
