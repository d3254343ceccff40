/* What one worker reads rasters with: its own handles of the inputs, and memory for the pixels of a window. */
#ifndef FN_FISHNET_READER_H
#define FN_FISHNET_READER_H

#include <map>
#include <set>

#include "fishnet/expr.h"
#include "fishnet/grid.h"
#include "fishnet/job.h"
#include "inputs.h"
#include "shared_blocks.h"

namespace fishnet
{

/* These inputs, or one of them, are others than those that the job began with. Of a file beyond a network GDAL may only
 * have got less than all that it has asked for: that is a failure to read, and the next attempt asks the server. */
void FailAsChanged(const Input *inputs, size_t count, fn_error *err);

/* A window lies within the raster, anywhere. False: see Cause(). */
class InputReader
{
  public:
    /* Opens the inputs again, `most` of them at a time. They outlive the reader. blocks: of all readers of a job, which
     * read the same planes; NULL where no plane has a reach. NULL and err on failure, also where an input has
     * changed. */
    static std::unique_ptr<InputReader> Open(const Inputs &inputs, size_t most, std::shared_ptr<SharedBlocks> blocks,
                                             fn_error *err);
    /* handles: opened by this thread. */
    InputReader(const Inputs &inputs, InputHandles handles, std::shared_ptr<SharedBlocks> blocks);
    ~InputReader();
    InputReader(const InputReader &) = delete;
    InputReader &operator=(const InputReader &) = delete;

    /* Reads a window of each plane, grown by its reach: see GrownWindow(). read: what fn_expr_run() takes, or, with a
     * reach, fn_expr_run_window(): such planes may lie in pieces. It lives until the next call. The reading stops
     * between two planes when it is cancelled. */
    bool ReadPlanes(const std::vector<Plane> &planes, const fn_window &window, const volatile bool *cancel,
                    std::vector<fn_plane> &read);
    /* Reads bands of one input as they are. Where all have one type, their buffers lie at equal distances. */
    bool ReadBands(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window);
    /* Whether what is read from now on is parts of blocks that are too many for GDAL's block cache. */
    void ReadPartsOfBlocks(bool parts) { m_partsOfBlocks = parts; }

    /* How many readers may compute at a time; NULL: all. */
    Turns *WhoComputes() const { return m_inputs.empty() ? nullptr : m_inputs[0].turns.get(); }

    /* The input that is read, or was the last. */
    const Input &Reading() const { return m_inputs[m_reading.input]; }
    std::string WhatIsRead() const; /* "band 2 of S (b.tif)" */
    std::string NameOf(const Plane &plane) const;
    /* Why reading has failed: what GDAL said first, or what it was asked for, and what a server answers. */
    std::string Cause(const MessageCollector &said) const;

  private:
    struct Part;

    std::string WhatFailed() const;
    GDALRasterBandH Find(size_t input, int number, bool mask);
    bool ReadBandsOnce(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window);
    bool AreExact(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window);
    bool ReadMask(size_t input, int number, const fn_window &window, void *data);
    bool ReadPixels(size_t input, const BandBuffer &band, const fn_window &window);
    bool ReadPart(size_t input, const BandBuffer &band, const fn_window &window, const fn_window &part);
    bool CanReadBlocks(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window);
    Turns *ReadersOf(size_t input) const;
    bool ReadBlocks(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window);
    bool ReadSources(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                     const volatile bool *cancel);
    bool ReadByPicking(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                       const volatile bool *cancel);
    bool ReadTogether(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window);
    bool ReadRemote(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                    const volatile bool *cancel);
    bool ReadWhole(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                   const volatile bool *cancel);
    bool ReadEach(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                  const volatile bool *cancel);
    bool ReadGroup(const std::vector<Plane> &planes, const std::vector<size_t> &group, const fn_window &window,
                   const volatile bool *cancel, std::vector<PlanePixels> &read);
    bool AddAlpha(const Plane &plane, const fn_window &window, std::vector<BandBuffer> &bands);
    void UseAlpha(const BandBuffer &alpha, const fn_window &window);
    bool ReadShared(const std::vector<Plane> &planes, const fn_window &window, const volatile bool *cancel);
    bool ReadAlone(const std::vector<Plane> &planes, const fn_window &window, const volatile bool *cancel);
    bool ReadUnits(const std::vector<Plane> &planes, const fn_window &window, const volatile bool *cancel);
    void DropCached();
    void ResizePlane(const Plane &plane, size_t index, int64_t pixels);
    std::map<SharedBlocks::Key, std::vector<Part>> CutByUnits(const std::vector<Plane> &planes,
                                                              const fn_window &window);
    void UsePart(const Plane &plane, const Part &part, const PlanePixels &unit, const fn_window &at);

    const Inputs &m_inputs;
    InputHandles m_handles;
    std::shared_ptr<SharedBlocks> m_blocks;
    int m_poolPlaces = 0;
    /* Of each plane. What lies in pieces has them in m_read, or in a unit that is held. */
    std::vector<PlanePixels> m_read;
    std::vector<std::vector<fn_piece>> m_pieces;
    std::vector<SharedBlocks::Shared> m_held;
    std::map<size_t, std::unique_ptr<InputReader>> m_sources; /* of inputs whose cells are picked */
    std::vector<char> m_alpha;
    std::vector<unsigned char> m_opaque; /* where that is not 0 */
    std::vector<char> m_block;
    BlockScratch m_scratch;
    bool m_partsOfBlocks = false;
    std::string m_answer;      /* of a server, to a look at what could not be read */
    std::set<size_t> m_cached; /* inputs with blocks in GDAL's cache that are not wanted again */
    struct {                   /* what is read, or was the last */
        size_t input;
        int band;
        bool mask;
        bool isOpen; /* and it was there */
    } m_reading = {};
};

} // namespace fishnet

#endif
