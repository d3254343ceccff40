#include "shares.h"

#include <algorithm>
#include <numeric>

#include "fishnet/share.h"

namespace fishnet
{

bool ReadRunOptions(const OptionTable &table, CSLConstList options, RunOptions &run)
{
    fn_option_value share = {}, resume, assemble;
    if (!table.Read(options, "RESUME", resume) || !table.Read(options, "PARTITION", share) ||
        !table.Read(options, "ASSEMBLE", assemble))
        return false;
    if (assemble.whole == 1 && (share.second > 0 || resume.whole == 1)) {
        CPLError(CE_Failure, CPLE_IllegalArg,
                 "%s: ASSEMBLE computes nothing, %s does: give one of them, ASSEMBLE when all shares are done",
                 table.Driver(), share.second > 0 ? "PARTITION" : "RESUME");
        return false;
    }
    run.share = static_cast<int>(share.whole);
    run.shares = static_cast<int>(share.second);
    run.writer = run.shares > 0        ? output::Writer::Share
                 : assemble.whole == 1 ? output::Writer::Assembler
                 : resume.whole == 1   ? output::Writer::Resumed
                                       : output::Writer::Alone;
    return true;
}

std::vector<int32_t> PartGrid::Shares(int shares) const
{
    std::vector<int32_t> share(static_cast<size_t>(Count()));
    fn_shares_of_grid(columns, rows, weights.empty() ? nullptr : weights.data(), shares, share.data());
    return share;
}

bool FindWanted(const char *driver, const char *what, const RunOptions &run, const PartGrid &grid,
                std::vector<int64_t> &wanted)
{
    if (run.shares == 0) {
        wanted.resize(static_cast<size_t>(grid.Count()));
        std::iota(wanted.begin(), wanted.end(), int64_t{0});
        return true;
    }
    if (run.shares > grid.Count()) {
        const bool tiles = EQUAL(what, "tiles");
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: PARTITION=%d/%d: there are only so many %s: %lld; %s", driver,
                 run.share, run.shares, what, static_cast<long long>(grid.Count()),
                 tiles ? "a smaller TILE_SIZE makes more (4096 where it is not given)"
                       : "PARTS says how many, or the first share that has begun in the folder");
        return false;
    }
    const std::vector<int32_t> share = grid.Shares(run.shares);
    for (size_t part = 0; part < share.size(); part++)
        if (share[part] == run.share)
            wanted.push_back(static_cast<int64_t>(part));
    CPLDebug("FISHNET", "PARTITION=%d/%d: %lld of %lld %s", run.share, run.shares,
             static_cast<long long>(wanted.size()), static_cast<long long>(grid.Count()), what);
    return true;
}

std::string NameShares(const PartGrid &grid, int shares, const std::vector<int64_t> &parts)
{
    constexpr size_t kLongest = 400;
    const std::vector<int32_t> share = grid.Shares(shares);
    std::vector<int32_t> missing;
    for (const int64_t part : parts)
        missing.push_back(share[static_cast<size_t>(part)]);
    std::sort(missing.begin(), missing.end());
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    std::string names;
    for (size_t i = 0, end = 0; i < missing.size(); i = end) {
        end = i + 1;
        while (end < missing.size() && missing[end] == missing[end - 1] + 1)
            end++;
        names +=
            (i ? "," : "") + std::to_string(missing[i]) + (end > i + 1 ? "-" + std::to_string(missing[end - 1]) : "");
        if (names.size() > kLongest && end < missing.size()) {
            names += " and " + std::to_string(missing.size() - end) + " more";
            break;
        }
    }
    return names + " of " + std::to_string(shares);
}

/* What launchers tell a process: its number, and how many there are. */
static const struct Launcher {
    const char *index;
    int first; /* number of the first */
    const char *count;
} kLaunchers[] = {
    {"SLURM_ARRAY_TASK_ID", 1, "SLURM_ARRAY_TASK_MAX"},
    {"AWS_BATCH_JOB_ARRAY_INDEX", 0, "AWS_BATCH_JOB_ARRAY_SIZE"},
    {"SGE_TASK_ID", 1, "SGE_TASK_LAST"},
    {"PBS_ARRAY_INDEX", 1, nullptr},
    {"PBS_ARRAYID", 1, nullptr},
};

/* -1: no whole number. */
static long long NumberIn(const char *text)
{
    return text && *text && strlen(text) < 10 && !text[strspn(text, "0123456789")] ? atoll(text) : -1;
}

/* An array of Slurm that does not have all numbers from 1 on: how many shares there are is not its greatest number. */
static bool HasGaps(const Launcher &launcher)
{
    const char *least = getenv("SLURM_ARRAY_TASK_MIN"), *count = getenv("SLURM_ARRAY_TASK_COUNT");
    return STARTS_WITH(launcher.index, "SLURM") &&
           ((least && NumberIn(least) != 1) || (count && NumberIn(count) != NumberIn(getenv(launcher.count))));
}

bool ResolveShare(std::string &text, std::string &why)
{
    if (!EQUALN(text.c_str(), "AUTO", 4) || (text.size() > 4 && text[4] != '/'))
        return true;
    for (const Launcher &launcher : kLaunchers) {
        const long long index = NumberIn(getenv(launcher.index));
        if (index < 0)
            continue;
        const char *size = launcher.count && !HasGaps(launcher) ? getenv(launcher.count) : nullptr;
        const long long number = index - launcher.first + 1;
        const long long count = NumberIn(text.size() > 4 ? text.c_str() + 5 : size);
        if (count >= 1 && number >= 1 && number <= count) {
            text = std::to_string(number) + "/" + std::to_string(count);
            return true;
        }
        why = std::string(launcher.index) + " is " + getenv(launcher.index) +
              (count < 1 ? ", and how many shares there are is not known: give AUTO/<n>"
                         : ": expected a number from " + std::to_string(launcher.first) + " to " +
                               std::to_string(count + launcher.first - 1));
        return false;
    }
    why = "no launcher of array jobs has numbered this process: there is none of";
    for (const Launcher &launcher : kLaunchers)
        why += std::string(&launcher == kLaunchers ? " " : ", ") + launcher.index;
    return false;
}

} // namespace fishnet
