/* The open datasets of a job's inputs, for one thread: at most so many at a time, however many inputs there are. The
 * first ones stay open, the others take turns in one place: all are read one after the other, tile by tile, and
 * whichever was closed last would be needed next. */
#ifndef FN_FISHNET_INPUT_HANDLES_H
#define FN_FISHNET_INPUT_HANDLES_H

#include "block_reader.h"
#include "handles.h"
#include "vrt_reader.h"

namespace fishnet
{

struct Input;

/* How many each of so many workers may hold, and the host as one more: no more than there is memory for, and than three
 * quarters of the descriptors that the process has left. A worker's may need two each, see Blocks(), and half a one for
 * files of VRTs. */
size_t HandlesOfEach(int workers);

class InputHandles
{
  public:
    InputHandles() = default;
    /* inputs: outlive it; more may be put in. most: at least 2. */
    InputHandles(const std::vector<Input> &inputs, size_t most) : m_inputs(&inputs), m_most(most) {}

    /* Takes the dataset of the next input, which was opened just now. */
    void Add(DatasetHandle dataset);
    /* Takes another one for an input that has become another. */
    void Replace(size_t input, DatasetHandle dataset);
    /* The dataset of an input, opened by this thread if need be. It lives until another input is asked for, that of the
     * first input as long as this. NULL: GDAL has said why, or the input has changed. */
    GDALDatasetH Find(size_t input) const;
    /* The same; what fails is thrown. */
    GDALDatasetH operator[](size_t input) const;
    size_t Most() const { return m_most; }
    /* The dataset of an input, or NULL if it is not open just now. */
    GDALDatasetH FindOpen(size_t input) const;
    /* What reads the blocks of an input that is open, as long as it is; NULL where GDAL is to do it. */
    BlockReader *Blocks(size_t input) const;
    /* The same for a VRT that is a mosaic of files. */
    VrtReader *Sources(size_t input) const;
    void Close();

  private:
    struct Open {
        DatasetHandle dataset;
        std::unique_ptr<BlockReader> blocks;
        std::unique_ptr<VrtReader> sources;
        bool looked = false; /* whether there are some */
        bool lookedForSources = false;
    };
    Open *OpenOf(size_t input) const;

    const std::vector<Input> *m_inputs = nullptr;
    size_t m_most = 2;
    size_t m_added = 0;
    mutable std::vector<Open> m_staying;
    mutable Open m_turn; /* of the input m_whose */
    mutable size_t m_whose = 0;
    mutable std::unique_ptr<BlockFiles> m_files; /* of VRTs */
};

} // namespace fishnet

#endif
