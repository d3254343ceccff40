#include "jump_reader.h"

#include <algorithm>

namespace fishnet
{

/* Of results, as fn_task has it. */
static constexpr size_t kAlign = 64;

/* Where a pixel is the same in any window that is read: in blocks that are stored, one beside the other. */
static bool AreStoredBlocks(const Plan &plan)
{
    return std::all_of(plan.inputs.begin(), plan.inputs.end(),
                       [](const Input &input) { return input.pipeline.isStored && input.results.empty(); });
}

JumpReader::JumpReader(std::shared_ptr<const Plan> plan, const Job &job) : m_plan(std::move(plan)), m_job(job)
{
    m_isOff = !AreStoredBlocks(*m_plan) || (m_plan->expr && m_plan->expr->LooksAround()) ||
              m_plan->inputs.size() > m_plan->handlesOfEach;
}

/* A small part of few tiles. */
bool JumpReader::IsSmall(const fn_window &window, const fn_window &touched) const
{
    /* Beyond a network tiles are wide, and bytes that are not wanted take longer. */
    const int64_t kTiles = m_plan->IsRemote() ? 16 : 4, kPart = m_plan->IsRemote() ? 2 : 8;
    const fn_grid &grid = m_plan->grid;
    const int64_t pixels = touched.width * grid.tile_width * touched.height * grid.tile_height;
    return touched.width * touched.height <= kTiles && window.width * window.height <= pixels / kPart;
}

/* Was one of the last requests there? If not, it is noted. */
bool JumpReader::IsKnown(const fn_window &touched)
{
    for (const fn_window &last : m_last)
        if (last.x == touched.x && last.y == touched.y && last.width == touched.width && last.height == touched.height)
            return true;
    m_last[m_next++ % m_last.size()] = touched;
    return false;
}

char *JumpReader::Result()
{
    const auto at = reinterpret_cast<uintptr_t>(m_result.data());
    return m_result.data() + ((at + kAlign - 1) / kAlign * kAlign - at);
}

bool JumpReader::Expects(const fn_window &window, const fn_window &touched)
{
    m_reads = 0;
    m_expected = !m_isOff && m_plan->IsRemote() && IsSmall(window, touched) ? window : fn_window{};
    return m_expected.width > 0;
}

bool JumpReader::Takes(const fn_window &window, const fn_window &touched, bool scans)
{
    constexpr int kSteps = 2, kReads = 64;
    if (m_isOff)
        return false;
    const fn_window both = fn_window_overlap(window, m_expected);
    const bool isExpected = m_expected.width > 0 && both.width == window.width && both.height == window.height;
    if (isExpected && ++m_reads <= kReads)
        return IsSmall(window, touched);
    if (isExpected) /* line by line: blocks would be decoded for each */
        m_expected = {};
    m_steps = scans ? m_steps + 1 : 0;
    m_jumps = !scans || (m_jumps && m_steps < kSteps);
    return m_jumps && IsSmall(window, touched) && !IsKnown(touched);
}

const char *JumpReader::Read(const fn_window &window, const Plan::Group &group, Notes &messages)
{
    const AsWorker forNow(m_job.Config(), m_job.Threads());
    const volatile bool cancel = false;
    fn_error ignored;
    const fn_status status = GuardedTask(&ignored, "", FN_ERR_MEMORY, [&] {
        if (!m_worker)
            m_worker = Worker::Open(m_plan, nullptr, &ignored);
        if (!m_worker)
            return FN_ERR_READ;
        const size_t bytes =
            m_plan->Offset(group, group.first + group.count, static_cast<size_t>(window.width * window.height));
        m_result.resize(bytes + kAlign);
        const fn_window inputs = {window.x, window.y + m_plan->firstLine, window.width, window.height};
        return m_worker->RunWindow(inputs, group, Result(), &cancel, messages, &ignored);
    });
    m_isOff = status != FN_OK; /* workers find out what there is to be said, and try again */
    return status == FN_OK ? Result() : nullptr;
}

} // namespace fishnet
