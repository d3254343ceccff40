/* Reads windows of a VRT out of the files that it is a mosaic of, past GDAL. What is doubtful, missing or damaged is
 * GDAL's, as with any block. */
#ifndef FN_FISHNET_VRT_READER_H
#define FN_FISHNET_VRT_READER_H

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "block_reader.h"
#include "shared_blocks.h"
#include "vrt_sources.h"

namespace fishnet
{

/* Files of VRTs that a thread has open: so many at a time, the ones that were used last. */
class BlockFiles
{
  public:
    explicit BlockFiles(size_t most) : m_most(most) {}
    /* It lives until another one is asked for. NULL: GDAL is to read it. */
    BlockReader *Find(const std::string &path);

  private:
    struct Open {
        std::string path;
        std::unique_ptr<BlockReader> blocks;
    };
    size_t m_most;
    std::list<Open> m_open; /* the one that was used last is the first */
};

/* For one thread. */
class VrtReader
{
  public:
    /* input: its number, as `shared` is to know it. files: outlive it. */
    VrtReader(std::shared_ptr<const VrtSources> sources, size_t input, BlockFiles &files)
        : m_sources(std::move(sources)), m_input(input), m_files(files)
    {
    }

    bool CanRead(const std::vector<BandBuffer> &bands) const;
    /* Reads a window. shared: where the threads of a job find blocks that others need too, or NULL. False: it was
     * cancelled, or GDAL is to read it; the buffers hold anything then. */
    bool Read(const std::vector<BandBuffer> &bands, const fn_window &window, SharedBlocks *shared,
              const volatile bool *cancel, BlockScratch &scratch);

  private:
    struct Request {
        const std::vector<BandBuffer> &bands;
        fn_window window;
        SharedBlocks *shared;
        const volatile bool *cancel;
        BlockScratch &scratch;
    };
    bool Paint(const Request &request);
    bool PaintSource(const Request &request, uint32_t number, const fn_window &part, bool first);
    bool ReadSource(const Request &request, uint32_t number, const std::vector<BandBuffer> &bands,
                    const fn_window &part, int64_t stride);
    bool ReadUnits(const Request &request, std::vector<SharedBlocks::Key> keys, BlockReader &file,
                   const std::vector<BandBuffer> &bands, const fn_window &part, int64_t stride);

    std::shared_ptr<const VrtSources> m_sources;
    size_t m_input;
    BlockFiles &m_files;
    std::vector<std::vector<char>> m_layer; /* bands of a source that is painted over others */
};

} // namespace fishnet

#endif
