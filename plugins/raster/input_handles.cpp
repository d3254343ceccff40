#include "input_handles.h"

#include <algorithm>
#include <stdexcept>

#include <sys/resource.h>

#include "inputs.h"

namespace fishnet
{

/* Descriptors that this process may still open. */
static size_t FreeDescriptors()
{
    constexpr size_t kUnknown = 256, kUsual = 64;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return kUnknown;
    if (limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    const CPLStringList open(VSIReadDir("/proc/self/fd"));
    const size_t used = open.empty() ? kUsual : static_cast<size_t>(open.size());
    const auto most = static_cast<size_t>(limit.rlim_cur);
    return most > used ? most - used : 0;
}

size_t HandlesOfEach(int workers)
{
    constexpr size_t kLeast = 2, kMost = 112; /* a GeoTIFF keeps the bytes of a block, and more */
    const size_t each = 2 * static_cast<size_t>(std::max(0, workers)) + 1;
    return std::clamp(FreeDescriptors() / 4 * 3 / each, kLeast, kMost);
}

void InputHandles::Add(DatasetHandle dataset)
{
    const size_t input = m_added++;
    if (input + 1 < m_most)
        m_staying.push_back({std::move(dataset), nullptr, nullptr});
    else {
        m_turn = {std::move(dataset), nullptr, nullptr};
        m_whose = input;
    }
}

void InputHandles::Replace(size_t input, DatasetHandle dataset)
{
    Open other;
    other.dataset = std::move(dataset);
    if (input < m_staying.size())
        m_staying[input] = std::move(other);
    else {
        m_turn = std::move(other);
        m_whose = input;
    }
}

InputHandles::Open *InputHandles::OpenOf(size_t input) const
{
    return input < m_staying.size() ? &m_staying[input] : m_whose == input ? &m_turn : nullptr;
}

GDALDatasetH InputHandles::FindOpen(size_t input) const
{
    const Open *open = OpenOf(input);
    return open ? open->dataset.get() : nullptr;
}

GDALDatasetH InputHandles::Find(size_t input) const
{
    if (GDALDatasetH open = FindOpen(input))
        return open;
    m_turn = {};
    m_whose = input;
    m_turn.dataset = OpenSame((*m_inputs)[input]);
    return m_turn.dataset.get();
}

BlockReader *InputHandles::Blocks(size_t input) const
{
    Open *open = OpenOf(input);
    if (!open || !open->dataset)
        return nullptr;
    if (!open->looked) {
        open->looked = true;
        open->blocks = BlockReader::Open((*m_inputs)[input], open->dataset.get());
        if (open->blocks && open != &m_turn)
            CPLDebug("FISHNET", "blocks of %s are decoded past GDAL", Describe((*m_inputs)[input]).c_str());
    }
    return open->blocks.get();
}

VrtReader *InputHandles::Sources(size_t input) const
{
    Open *open = OpenOf(input);
    if (!open || !open->dataset)
        return nullptr;
    const Input &own = (*m_inputs)[input];
    const Pipeline &pipeline = own.pipeline;
    if (!open->lookedForSources && pipeline.sources && own.openOptions.empty() && !pipeline.oneRow && !pipeline.wide) {
        if (!m_files)
            m_files = std::make_unique<BlockFiles>(m_most / 2);
        open->sources = std::make_unique<VrtReader>(pipeline.sources, input, *m_files);
        if (open != &m_turn)
            CPLDebug("FISHNET", "sources of %s are decoded past GDAL", Describe(own).c_str());
    }
    open->lookedForSources = true;
    return open->sources.get();
}

GDALDatasetH InputHandles::operator[](size_t input) const
{
    MessageCollector collector;
    GDALDatasetH dataset = Find(input);
    if (!dataset)
        throw std::runtime_error("input " + Describe((*m_inputs)[input]) +
                                 " cannot be opened again: " + collector.Cause("not recognized as a raster dataset"));
    return dataset;
}

void InputHandles::Close()
{
    m_staying.clear();
    m_turn = {};
    m_files.reset();
    m_added = 0;
}

} // namespace fishnet
