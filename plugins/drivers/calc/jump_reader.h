/* Small windows that jump about in a raster, a pixel here and a pixel there: read and computed as they are, by the
 * thread that wants them. Of a tile that is computed for one of them the rest is dropped before it is wanted. GDAL's
 * block cache keeps what is decoded, as it does for those who read the inputs alone. */
#ifndef FN_FISHNET_JUMP_READER_H
#define FN_FISHNET_JUMP_READER_H

#include <array>

#include "worker.h"

namespace fishnet
{

class JumpReader
{
  public:
    JumpReader(std::shared_ptr<const Plan> plan, const Job &job);

    /* A program will read this window. True: it is a small part of tiles beyond a network, of which the rest would be
     * asked for in vain. Requests within it are then for Read(), until other advice. */
    bool Expects(const fn_window &window, const fn_window &touched);
    /* Whether a request is one for Read(), and not for whole tiles. To be asked about each. touched: its tiles.
     * scans: there are tiles that it will probably want next. */
    bool Takes(const fn_window &window, const fn_window &touched, bool scans);
    /* The outputs of a group in a window, where Plan::Offset() says; they live until the next call. messages: for the
     * host. NULL: it is not to be had like this; nothing is said. */
    const char *Read(const fn_window &window, const Plan::Group &group, Notes &messages);

  private:
    bool IsSmall(const fn_window &window, const fn_window &touched) const;
    bool IsKnown(const fn_window &touched);
    char *Result();

    std::shared_ptr<const Plan> m_plan;
    const Job &m_job;
    std::unique_ptr<Worker> m_worker; /* made when it is needed */
    std::vector<char> m_result;
    bool m_isOff = false;
    /* Tiles of the last requests: what comes back to them wants more of them. */
    std::array<fn_window, 8> m_last = {};
    size_t m_next = 0;
    bool m_jumps = false; /* the last request jumped, and no two after it have gone on in one direction */
    int m_steps = 0;
    fn_window m_expected = {}; /* width 0: none */
    int m_reads = 0;           /* of it */
};

} // namespace fishnet

#endif
