#include "job_file.h"

#include <algorithm>
#include <cmath>

#include "create.h"
#include "handles.h"
#include "parts.h"
#include "recipe_file.h"
#include "shares.h"

namespace fishnet::commands
{

namespace
{
struct JobFile {
    std::string name;
    const RecipeKind *kind = nullptr;
    Opening opening;
};
} // namespace

static bool FailJob(const std::string &file, const std::string &text)
{
    CPLError(CE_Failure, CPLE_IllegalArg, "fishnet: %s: %s", file.c_str(), text.c_str());
    return false;
}

/* What a run does is not the job's to say. */
static bool CheckJob(const JobFile &job)
{
    if (job.opening.output.empty())
        return FailJob(job.name, "\"output\" is missing: it is a recipe, and says not what is to become of it");
    for (const char *key : {"PARTITION", "RESUME", "ASSEMBLE"})
        if (job.opening.creationOptions.FetchNameValue(key))
            return FailJob(job.name, std::string("creation_options.") + key +
                                         ": that is said to whoever runs the job: --partition, or assemble");
    const std::string folder = CPLGetDirname(job.opening.output.c_str());
    VSIStatBufL stat;
    return STARTS_WITH(folder.c_str(), "/vsi") || VSIStatL(folder.c_str(), &stat) == 0 ||
           FailJob(job.name, "output: there is no folder " + folder);
}

static bool ReadJob(const std::string &name, JobFile &job)
{
    GDALOpenInfo info(name.c_str(), GDAL_OF_READONLY);
    if (!info.bStatOK || info.nHeaderBytes == 0)
        return FailJob(name, info.bStatOK ? "it is empty, or cannot be read" : "there is no such file");
    for (const RecipeKind *kind : RecipeKinds()) {
        if (!IdentifyName(&info, *kind))
            continue;
        CPLErrorReset();
        job = {name, kind, {}};
        if (ReadName(&info, *kind, job.opening))
            return CheckJob(job);
        if (CPLGetLastErrorType() >= CE_Failure)
            return false;
    }
    return FailJob(name, "it is no job: a recipe *.fishnet.json that has an \"output\" is one");
}

/* The options of workers go to who reads and to who writes. */
static DatasetHandle OpenJob(const JobFile &job, const CPLStringList &workers)
{
    const char *const drivers[] = {job.kind->driver, nullptr};
    return DatasetHandle(GDALOpenEx(job.name.c_str(), GDAL_OF_RASTER | GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, drivers,
                                    const_cast<CPLStringList &>(workers).List(), nullptr));
}

static CPLStringList CreationOptionsOf(const JobFile &job, const CPLStringList &workers, const std::string &more)
{
    CPLStringList options(job.opening.creationOptions);
    for (int i = 0; !FindTableKind(job.kind->driver) && i < workers.size(); i++)
        options.SetNameValue(CPLString(workers[i], strcspn(workers[i], "=")).c_str(), strchr(workers[i], '=') + 1);
    if (!more.empty())
        options.AddString(more.c_str());
    return options;
}

static bool WriteJob(const std::string &file, const CPLStringList &workers, const std::string &option,
                     GDALProgressFunc progress, void *progressData)
{
    JobFile job;
    if (!ReadJob(file, job))
        return false;
    const DatasetHandle source = OpenJob(job, workers);
    if (!source)
        return false;
    const char *output = job.opening.creationOptions.FetchNameValueDef("OUTPUT", "TILES");
    const std::string goesOn = EQUAL(output, "SINGLE") ? "" : "RESUME=YES";
    CPLStringList options = CreationOptionsOf(job, workers, option.empty() ? goesOn : option);
    const TableKind *table = FindTableKind(job.kind->driver);
    GDALDataset *from = GDALDataset::FromHandle(source.get());
    const char *name = job.opening.output.c_str();
    /* Not through GDAL, which deletes an older output first: it goes when it may. */
    DatasetHandle written(
        GDALDataset::ToHandle(table ? WriteTable(*table, name, from, options.List(), progress, progressData)
                                    : CreateCopy(name, from, FALSE, options.List(), progress, progressData)));
    if (!written)
        return false;
    CPLErrorReset();
    written.reset(); /* a single file is written to its end */
    return CPLGetLastErrorType() < CE_Failure;
}

bool RunJob(const std::string &file, std::string share, const CPLStringList &workers, GDALProgressFunc progress,
            void *progressData)
{
    std::string why;
    if (!ResolveShare(share, why))
        return FailJob(file, "--partition " + share + ": " + why);
    return WriteJob(file, workers, share.empty() ? share : "PARTITION=" + share, progress, progressData);
}

bool AssembleJob(const std::string &file, GDALProgressFunc progress, void *progressData)
{
    return WriteJob(file, CPLStringList(), "ASSEMBLE=YES", progress, progressData);
}

/* ---- planning ---- */

/* Shares of a few seconds each, since one costs a fraction of a second beyond its work: many for each worker, so that
 * the last one keeps nobody waiting, and not so many that starting them is the work. */
static int64_t SuggestShares(const JobSize &size)
{
    const auto wanted = static_cast<int64_t>(std::ceil(size.work / size.workOfShare));
    return std::max<int64_t>(1, size.parts > 0 ? std::min(wanted, size.parts) : wanted);
}

static std::string InBytes(double bytes)
{
    const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    int unit = 0;
    for (; bytes >= 1000 && unit < 5; unit++)
        bytes /= 1000;
    return CPLSPrintf(unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

bool PlanJob(const std::string &file, std::string share, std::string &text)
{
    JobFile job;
    JobSize size;
    std::string why;
    if (!ResolveShare(share, why))
        return FailJob(file, "--partition " + share + ": " + why);
    if (!ReadJob(file, job))
        return false;
    const CPLStringList none;
    const DatasetHandle source = OpenJob(job, none);
    const CPLStringList options = CreationOptionsOf(job, none, share.empty() ? share : "PARTITION=" + share);
    const TableKind *table = FindTableKind(job.kind->driver);
    if (!source ||
        !(table ? PlanTable(*table, job.opening.output, GDALDataset::FromHandle(source.get()), options.List(), size)
                : PlanCopy(job.opening.output, GDALDataset::FromHandle(source.get()), options.List(), size)))
        return false;
    const int64_t shares = SuggestShares(size);
    text = "output: " + job.opening.output + "\ndomain: " + size.domain + "\n";
    if (!size.cut.empty())
        text += std::string(size.what) + ": " + size.cut + "\n";
    if (size.bytes > 0)
        text += "bytes: " + InBytes(size.bytes) + " before compression\n";
    text += "shares: " + std::to_string(shares) +
            (size.canShare ? "\n"
                           : ": one file is written by one run; OUTPUT=" + std::string(CPLString(size.what).toupper()) +
                                 " has shares\n");
    if (!size.share.empty())
        text += "share " + share + ": " + size.share + "\n";
    return true;
}

} // namespace fishnet::commands
