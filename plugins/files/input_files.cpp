#include "input_files.h"

#include <algorithm>

#include "file_names.h"
#include "gdal_compat.h"
#include "handles.h"
#include "output_folder.h"
#include "patient_files.h"

namespace fishnet
{

void InputFiles::AddDataset(GDALDatasetH dataset)
{
    if (!dataset)
        return;
    MessageCollector collector;
    const CPLStringList files(PlainNames(GDALGetFileList(dataset)));
    const std::string name = GDALGetDescription(dataset);
    if (!name.empty())
        m_search.Push(name, GDALDataset::FromHandle(dataset)->GetOpenOptions());
    else if (files.size() == 0)
        m_search.AddUnknown("a dataset without a name");
    for (int i = 0; i < files.size(); i++)
        m_search.Push(files[i]);
    m_search.Work();
}

void InputFiles::AddName(const std::string &name, CSLConstList openOptions)
{
    MessageCollector collector;
    m_search.Push(name, openOptions);
    m_search.Work();
}

std::string InputFiles::Changed() const
{
    for (const InputFile &file : Files())
        if (!IsFarAway(file.path) && file.state.kind != FileState::Kind::Unknown && !HasEnding(file.path, ".aux.xml") &&
            StateOf(file.path) != file.state)
            return file.name;
    return {};
}

std::string InputFiles::Find(const std::string &file) const
{
    const std::string path = InCurrentFolder(file);
    const FileState state = IsVirtual(path) ? FileState() : StateOf(path);
    for (const InputFile &input : Files())
        if (input.path == path || (state.kind == FileState::Kind::Known && input.state.device == state.device &&
                                   input.state.inode == state.inode))
            return input.name;
    return {};
}

std::string InputFiles::FindIn(const std::string &folder) const
{
    const std::string begin = RealPath(InCurrentFolder(folder)) + "/";
    for (const InputFile &input : Files())
        if (STARTS_WITH(RealPath(input.path).c_str(), begin.c_str()))
            return input.name;
    return {};
}

std::string InputFiles::Unknown() const
{
    for (const InputFile &file : Files())
        if (file.state.kind == FileState::Kind::Unknown)
            return file.name;
    return {};
}

static std::string InWords(const FileState &state)
{
    const auto bytes = static_cast<long long>(state.bytes);
    if (state.kind == FileState::Kind::Absent)
        return "not there";
    if (state.kind == FileState::Kind::Unknown)
        return "whether it changes cannot be known";
    if (!state.tag.empty())
        return CPLSPrintf("%lld bytes of %lld, tag ", bytes, static_cast<long long>(state.seconds)) + state.tag;
    return CPLSPrintf("%lld bytes of %lld.%09ld", bytes, static_cast<long long>(state.seconds),
                      static_cast<long>(state.nanoseconds));
}

std::vector<std::string> InputFiles::Lines() const
{
    std::vector<std::string> lines;
    for (const InputFile &file : Files())
        lines.push_back(output::OneLine(file.path + ": " + InWords(file.state)));
    std::sort(lines.begin(), lines.end());
    return lines;
}

std::string InputFiles::Content(const InputFile &file) const
{
    constexpr size_t kAll = 64 << 20, kMost = 512 << 10, kLeast = 16 << 10; /* bytes of all files, and of one */
    uint64_t check = 0;
    const size_t each = std::max(kLeast, std::min(kMost, kAll / std::max<size_t>(1, Files().size())));
    return file.state.kind == FileState::Kind::Known && !IsFarAway(file.path) && CheckFile(file.path, each, check)
               ? CPLSPrintf("%lld bytes, content %016llx", static_cast<long long>(file.state.bytes),
                            static_cast<unsigned long long>(check))
               : InWords(file.state);
}

} // namespace fishnet
