#include "doctor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include <dirent.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cpl_json.h>
#include <cpl_string.h>
#include <gdal_priv.h>
#include <geos_c.h>
#include <ogrsf_frmts.h>
#include <proj.h>
#include <sleef.h>

#include "boundary.h"
#include "fishnet/expr.h"
#include "handles.h"
#include "helper.h"
#include "module.h"

namespace fishnet::commands
{

namespace
{
enum class State { good, note, wrong };

struct Finding {
    State state;
    std::string what; /* a word or two */
    std::string text;
    std::string fix; /* for what is wrong; may be there for a note */
};

class Doctor final
{
  public:
    void Examine();
    int Count(State state) const;
    std::string AsText() const;
    std::string AsJSON() const;

  private:
    void Say(State state, const char *what, const std::string &text, const std::string &fix = std::string());

    void LookAtVersions();
    void LookAtFiles();
    void LookAtFolders();
    void LookAtMachine();
    void LookAtLimits();
    void LookAtOptions();
    void LookAtProj();
    void Test();
    void TestRaster(const std::string &folder);
    void TestNear(const std::string &folder);

    std::vector<Finding> m_findings;
    std::string m_module, m_helper;
};

const char *const kStates[] = {"ok", "note", "wrong"};
} // namespace

void Doctor::Say(State state, const char *what, const std::string &text, const std::string &fix)
{
    m_findings.push_back({state, what, text, fix});
}

/* ---- what is installed ---- */

static std::string RealPath(const std::string &name)
{
    char *real = realpath(name.c_str(), nullptr);
    const std::string path = real ? real : name;
    free(real);
    return path;
}

void Doctor::LookAtVersions()
{
    Say(State::good, "versions",
        std::string("Fishnet " FISHNET_VERSION ", built with GDAL " GDAL_RELEASE_NAME ", running in GDAL ") +
            GDALVersionInfo("RELEASE_NAME"));
    Say(State::good, "libraries",
        std::string("GEOS ") + GEOSversion() + ", PROJ " + proj_info().version +
            CPLSPrintf(", SLEEF %d.%d.%d (built with)", SLEEF_VERSION_MAJOR, SLEEF_VERSION_MINOR,
                       SLEEF_VERSION_PATCHLEVEL));
}

void Doctor::LookAtFiles()
{
    struct stat stat;
    Say(State::good, "module", m_module);
    const std::string name = m_helper.substr(m_helper.rfind('/') + 1), folder = m_helper.substr(0, m_helper.rfind('/'));
    if (::stat(m_helper.c_str(), &stat) != 0)
        Say(State::wrong, "helper", m_helper + ": " + strerror(errno) + "; worker processes cannot be started",
            "put the program " + name + " of this build into " + folder + ", or install Fishnet again");
    else if (!S_ISREG(stat.st_mode) || access(m_helper.c_str(), X_OK) != 0)
        Say(State::wrong, "helper", m_helper + " is not executable; worker processes cannot be started",
            "chmod +x " + m_helper);
    else
        Say(State::good, "helper", m_helper);
    for (const char *driver : {"FISHNET", "NEARTABLE", "ZONALSTATS"}) {
        const char *skip = CPLGetConfigOption("GDAL_SKIP", "");
        const bool skipped = strstr(CPLString(skip).toupper().c_str(), driver) != nullptr;
        if (GDALGetDriverByName(driver))
            Say(State::good, "driver", std::string(driver) + " is registered");
        else
            Say(State::wrong, "driver",
                std::string(driver) + " is not registered" +
                    (skipped ? std::string(": GDAL_SKIP=") + skip : std::string()),
                skipped ? std::string("take ") + driver + " out of GDAL_SKIP"
                        : std::string("look for errors of the module: CPL_DEBUG=ON gdalinfo --formats"));
    }
}

/* The module's folders as GDAL looks for them. */
void Doctor::LookAtFolders()
{
    const std::string &gdal = GDALFile();
    const std::string standard = gdal.substr(0, gdal.rfind('/')) + "/gdalplugins";
    const char *path = CPLGetConfigOption("GDAL_DRIVER_PATH", nullptr);
    const CPLStringList folders(CSLTokenizeStringComplex(path ? path : standard.c_str(), ":", TRUE, FALSE));
    bool hasStandard = false;
    for (int i = 0; i < folders.size(); i++) {
        std::string folder = folders[i];
        struct stat stat;
        hasStandard = hasStandard || RealPath(folder) == RealPath(standard);
        if (::stat(folder.c_str(), &stat) != 0 || access(folder.c_str(), R_OK | X_OK) != 0) {
            if (path)
                Say(State::wrong, "plugin folder", "GDAL_DRIVER_PATH: " + folder + ": " + strerror(errno),
                    "take it out of GDAL_DRIVER_PATH, or make it readable");
            continue;
        }
        const std::string own = folder + "/" + CPLSPrintf("%d.%d", GDAL_VERSION_MAJOR, GDAL_VERSION_MINOR);
        if (::stat(own.c_str(), &stat) == 0)
            folder = own;
        Say(State::good, "plugin folder", folder);
        const CPLStringList names(VSIReadDir(folder.c_str()));
        for (int k = 0; k < names.size(); k++) {
            const std::string file = folder + "/" + names[k];
            if (STARTS_WITH_CI(names[k], "gdal_FISHNET") && EQUAL(CPLGetExtension(names[k]), "so") &&
                RealPath(file) != m_module)
                Say(State::wrong, "another module", file + " lies in a plugin folder too; " + m_module + " is in use",
                    "remove one of the two, with the fishnet-worker beside it");
        }
    }
    if (path && !hasStandard)
        Say(State::note, "plugin folder",
            "GDAL_DRIVER_PATH stands in place of " + standard + ": the drivers that lie there are not loaded",
            std::string("GDAL_DRIVER_PATH=") + path + ":" + standard);
}

/* ---- what this process may use ---- */

void Doctor::LookAtMachine()
{
    cpu_set_t set;
    const int online = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)), usable = fn_cpu_count();
    const int affine = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : online;
    const std::string cpus =
        CPLSPrintf("%d online, %d by affinity, %d usable (control group respected)", online, affine, usable);
    if (usable < online)
        Say(State::note, "CPUs", cpus, "taskset, or cpu.max of the control group, decides");
    else
        Say(State::good, "CPUs", cpus);
    fn_simd best = FN_SIMD_PLAIN;
    const char *limit = getenv("FISHNET_SIMD");
    const std::string used = fn_simd_name(fn_simd_best());
    for (int i = 0; i < FN_SIMD_COUNT; i++)
        if (fn_simd_available(static_cast<fn_simd>(i)))
            best = static_cast<fn_simd>(i);
    if (limit && used != fn_simd_name(best))
        Say(State::wrong, "kernels", used + ", though this CPU has " + fn_simd_name(best) + ": FISHNET_SIMD=" + limit,
            "unset FISHNET_SIMD");
    else
        Say(State::good, "kernels", used);
    const double memory = static_cast<double>(CPLGetUsablePhysicalRAM()) / 1048576,
                 cache = static_cast<double>(GDALGetCacheMax64()) / 1048576;
    const std::string text = CPLSPrintf("%.0f MB usable, GDAL_CACHEMAX %.0f MB", memory, cache);
    if (memory > 0 && cache > 0.75 * memory)
        Say(State::wrong, "memory", text + ": the cache may push the rest out of memory",
            CPLSPrintf("GDAL_CACHEMAX=%.0f", std::floor(memory / 8)));
    else if (cache < 16)
        Say(State::wrong, "memory", text + ": blocks are read again and again", "GDAL_CACHEMAX=256");
    else
        Say(State::good, "memory", text);
}

/* Processes and threads of this user. */
static rlim_t TasksOfUser()
{
    rlim_t tasks = 0;
    DIR *processes = opendir("/proc");
    struct stat stat;
    while (const dirent *entry = processes ? readdir(processes) : nullptr) {
        const std::string folder = std::string("/proc/") + entry->d_name;
        if (!isdigit(static_cast<unsigned char>(entry->d_name[0])) || ::stat(folder.c_str(), &stat) != 0 ||
            stat.st_uid != getuid())
            continue;
        DIR *threads = opendir((folder + "/task").c_str());
        while (const dirent *thread = threads ? readdir(threads) : nullptr)
            tasks += isdigit(static_cast<unsigned char>(thread->d_name[0])) != 0;
        if (threads)
            closedir(threads);
    }
    if (processes)
        closedir(processes);
    return tasks;
}

/* Memory that processes share has no name and no file system, but the limit for files. */
static std::string WhyNotShared(off_t bytes)
{
    const int file = memfd_create("fishnet doctor", MFD_CLOEXEC);
    std::string why;
    if (file < 0)
        return std::string("memfd_create: ") + strerror(errno);
    void *memory = ftruncate(file, bytes) == 0 ? mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                                                      MAP_SHARED | MAP_NORESERVE, file, 0)
                                               : MAP_FAILED;
    if (memory == MAP_FAILED)
        why = std::string("it cannot be made: ") + strerror(errno);
    else
        munmap(memory, static_cast<size_t>(bytes));
    close(file);
    return why;
}

void Doctor::LookAtLimits()
{
    constexpr rlim_t kAddresses = rlim_t(4) << 30; /* shared memory has room to spare, and each thread its stack */
    constexpr off_t kShared = off_t(1) << 30;
    const auto workers = static_cast<rlim_t>(fn_cpu_count());
    rlimit limit;
    const auto number = [](rlim_t value) {
        return value == RLIM_INFINITY ? std::string("unlimited")
                                      : std::to_string(static_cast<unsigned long long>(value));
    };
    if (getrlimit(RLIMIT_NPROC, &limit) == 0) {
        const rlim_t used = TasksOfUser(), wanted = used + 2 * workers + 4;
        const std::string text = number(limit.rlim_cur) + " processes and threads, " + number(used) + " in use";
        if (geteuid() != 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted)
            Say(State::wrong, "limit NPROC", text + ": too few for " + number(workers) + " workers",
                "ulimit -u " + number(std::max<rlim_t>(4096, 2 * wanted)));
        else
            Say(State::good, "limit NPROC", text);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        const rlim_t wanted = 64 + 16 * workers;
        const std::string text = number(limit.rlim_cur) + " open files";
        if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted)
            Say(State::wrong, "limit NOFILE", text + ": too few for " + number(workers) + " workers, each with its own",
                "ulimit -n " + number(std::max<rlim_t>(1024, wanted)));
        else
            Say(State::good, "limit NOFILE", text);
    }
    if (getrlimit(RLIMIT_AS, &limit) == 0) {
        const std::string text =
            limit.rlim_cur == RLIM_INFINITY ? "unlimited addresses" : number(limit.rlim_cur >> 20) + " MB of addresses";
        if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < kAddresses)
            Say(State::wrong, "limit AS", text + ": too few for stacks and shared memory, most of which is never used",
                "ulimit -v unlimited");
        else
            Say(State::good, "limit AS", text);
    }
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < static_cast<rlim_t>(kShared)) {
        Say(State::wrong, "shared memory",
            "files may have " + number(limit.rlim_cur >> 10) + " KB, and it counts as one", "ulimit -f unlimited");
        return;
    }
    const std::string why = WhyNotShared(kShared);
    if (why.empty())
        Say(State::good, "shared memory", "can be made");
    else
        Say(State::wrong, "shared memory", why, "ulimit -v unlimited; or use WORKERS=THREADS");
}

/* ---- configuration ---- */

void Doctor::LookAtOptions()
{
    fn_error err;
    int number = 0;
    const char *threads = CPLGetConfigOption("GDAL_NUM_THREADS", nullptr);
    const std::string threadsText = std::string("GDAL_NUM_THREADS=") + (threads ? threads : "");
    if (threads && fn_parse_workers("GDAL_NUM_THREADS", threads, &number, &err) != FN_OK)
        Say(State::wrong, "configuration", err.text, "GDAL_NUM_THREADS=ALL_CPUS, or unset it");
    else if (threads && number == 1 && fn_cpu_count() > 1)
        Say(State::wrong, "configuration", threadsText + ": one worker is used where NUM_WORKERS is not given",
            "GDAL_NUM_THREADS=ALL_CPUS, or unset it");
    else if (threads && number > 4 * fn_cpu_count())
        Say(State::wrong, "configuration", threadsText + CPLSPrintf(": there are %d CPUs", fn_cpu_count()),
            "GDAL_NUM_THREADS=ALL_CPUS, or unset it");

    const char *kind = CPLGetConfigOption("FISHNET_WORKERS", nullptr);
    if (kind && !EQUAL(kind, "THREADS") && !EQUAL(kind, "PROCESSES"))
        Say(State::wrong, "configuration", std::string("FISHNET_WORKERS=") + kind + " is neither THREADS nor PROCESSES",
            "unset FISHNET_WORKERS");
    else if (kind && EQUAL(kind, "PROCESSES"))
        Say(State::note, "configuration", "FISHNET_WORKERS=PROCESSES: needed for few drivers, and slower to start",
            "unset FISHNET_WORKERS, and give WORKERS=PROCESSES where it helps");

    const char *temporary = CPLGetConfigOption("CPL_TMPDIR", nullptr);
    if (temporary && access(temporary, W_OK | X_OK) != 0)
        Say(State::wrong, "configuration", std::string("CPL_TMPDIR=") + temporary + ": " + strerror(errno),
            "set CPL_TMPDIR to a folder that can be written to, or unset it");
    const char *debug = CPLGetConfigOption("CPL_DEBUG", nullptr);
    if (debug && (EQUAL(debug, "ON") || EQUAL(debug, "FISHNET")))
        Say(State::note, "configuration", std::string("CPL_DEBUG=") + debug + ": a line is written for each task",
            "unset CPL_DEBUG");
}

void Doctor::LookAtProj()
{
    const MessageCollector collector;
    OGRSpatialReference crs;
    if (crs.importFromEPSG(4326) == OGRERR_NONE)
        Say(State::good, "proj.db", "found");
    else
        Say(State::wrong, "proj.db", collector.Cause("coordinate reference systems are not known"),
            "set PROJ_DATA to the folder of PROJ's proj.db, or unset it");
}

/* ---- a test of ourselves: both kinds of worker, against each other and against what is known ---- */

static constexpr int kWidth = 300, kHeight = 200;

static bool WriteRaster(const std::string &name)
{
    GDALDriver *driver = GetGDALDriverManager()->GetDriverByName("GTiff");
    const char *const options[] = {"TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", nullptr};
    const DatasetHandle dataset(driver
                                    ? GDALDataset::ToHandle(driver->Create(name.c_str(), kWidth, kHeight, 1,
                                                                           GDT_Float64, const_cast<char **>(options)))
                                    : nullptr);
    std::vector<double> pixels(static_cast<size_t>(kWidth) * kHeight);
    for (size_t i = 0; i < pixels.size(); i++)
        pixels[i] = static_cast<double>(i) * static_cast<double>(i);
    return dataset && GDALRasterIO(GDALGetRasterBand(dataset.get(), 1), GF_Write, 0, 0, kWidth, kHeight, pixels.data(),
                                   kWidth, kHeight, GDT_Float64, 0, 0) == CE_None;
}

static bool ReadRaster(const std::string &name, const char *workers, std::vector<double> &pixels)
{
    const char *const options[] = {"CALC=sqrt(A)+1", "TILE_SIZE=64", "NUM_WORKERS=2", "RETRIES=0", workers, nullptr};
    const DatasetHandle dataset(
        GDALOpenEx(("FISHNET:" + name).c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, options, nullptr));
    pixels.assign(static_cast<size_t>(kWidth) * kHeight, -1.0);
    return dataset && GDALRasterIO(GDALGetRasterBand(dataset.get(), 1), GF_Read, 0, 0, kWidth, kHeight, pixels.data(),
                                   kWidth, kHeight, GDT_Float64, 0, 0) == CE_None;
}

/* Points at (10 i, 0), and those to be found 3 to the right and 4 up: 5 apart. */
static bool WritePoints(const std::string &name, double x, double y)
{
    constexpr int kPoints = 200;
    GDALDriver *driver = GetGDALDriverManager()->GetDriverByName("ESRI Shapefile");
    const std::unique_ptr<GDALDataset> dataset(driver ? driver->Create(name.c_str(), 0, 0, 0, GDT_Unknown, nullptr)
                                                      : nullptr);
    OGRLayer *layer = dataset ? dataset->CreateLayer("points", nullptr, wkbPoint) : nullptr;
    for (int i = 0; layer && i < kPoints; i++) {
        OGRFeature feature(layer->GetLayerDefn());
        const OGRPoint point(10.0 * i + x, y);
        if (feature.SetGeometry(&point) != OGRERR_NONE || layer->CreateFeature(&feature) != OGRERR_NONE)
            return false;
    }
    return layer != nullptr;
}

/* Pairs of FIDs, then the distance. */
static bool ReadNear(const std::string &input, const std::string &near, const char *workers, std::vector<double> &rows)
{
    const std::string option = "NEAR=" + near;
    const char *const options[] = {option.c_str(), "PARTITION_SIZE=50", "NUM_WORKERS=2", "RETRIES=0", workers, nullptr};
    const std::unique_ptr<GDALDataset> dataset(GDALDataset::Open(
        ("NEARTABLE:" + input).c_str(), GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, nullptr, options, nullptr));
    rows.clear();
    if (!dataset)
        return false;
    for (auto &feature : *dataset->GetLayer(0))
        for (const char *field : {"IN_FID", "NEAR_FID", "NEAR_DIST"})
            rows.push_back(feature->GetFieldAsDouble(field));
    return CPLGetLastErrorType() < CE_Failure;
}

using Compute = std::function<bool(const char *workers, std::vector<double> &numbers)>;

/* What a kind of worker computes; said, if it is not what is expected. */
static void TestWorkers(const char *what, const Compute &compute, const std::vector<double> &expected,
                        const std::function<void(State, const std::string &, const std::string &)> &say)
{
    std::string good;
    for (const char *workers : {"WORKERS=THREADS", "WORKERS=PROCESSES"}) {
        const std::string kind = CPLString(workers + strlen("WORKERS=")).tolower();
        std::vector<double> numbers;
        bool computed = false;
        std::string cause;
        {
            const MessageCollector collector;
            CPLErrorReset();
            computed = compute(workers, numbers);
            cause = collector.Cause("no cause is known");
        }
        const bool processes = kind == "processes";
        if (!computed)
            say(State::wrong, std::string(what) + " by " + kind + ": " + cause,
                processes ? "mend what is wrong above; until then WORKERS=THREADS" : "mend what is wrong above");
        else if (numbers != expected)
            say(State::wrong, std::string(what) + " by " + kind + ": the values are not those that are known",
                "build Fishnet again, and report this if they stay wrong");
        else
            good += (good.empty() ? "" : " and ") + kind;
    }
    if (!good.empty())
        say(State::good, std::string(what) + " by " + good + ": as known", std::string());
}

void Doctor::TestRaster(const std::string &folder)
{
    const std::string name = folder + "/a.tif";
    std::vector<double> expected(static_cast<size_t>(kWidth) * kHeight);
    for (size_t i = 0; i < expected.size(); i++)
        expected[i] = static_cast<double>(i) + 1;
    if (!WriteRaster(name))
        return Say(State::wrong, "self-test", name + " cannot be written",
                   "make room there, or set CPL_TMPDIR to another folder");
    TestWorkers(
        "raster",
        [&name](const char *workers, std::vector<double> &numbers) { return ReadRaster(name, workers, numbers); },
        expected,
        [this](State state, const std::string &text, const std::string &fix) { Say(state, "self-test", text, fix); });
}

void Doctor::TestNear(const std::string &folder)
{
    const std::string input = folder + "/in.shp", near = folder + "/near.shp";
    std::vector<double> expected;
    for (int i = 0; i < 200; i++)
        expected.insert(expected.end(), {double(i), double(i), 5.0});
    if (!WritePoints(input, 0, 0) || !WritePoints(near, 3, 4))
        return Say(State::wrong, "self-test", input + " cannot be written",
                   "make room there, or set CPL_TMPDIR to another folder");
    TestWorkers(
        "near table",
        [&](const char *workers, std::vector<double> &numbers) { return ReadNear(input, near, workers, numbers); },
        expected,
        [this](State state, const std::string &text, const std::string &fix) { Say(state, "self-test", text, fix); });
}

void Doctor::Test()
{
    std::string base = "/tmp";
    for (const char *option : {"TEMP", "TMPDIR", "CPL_TMPDIR"})
        base = CPLGetConfigOption(option, base.c_str());
    std::string folder = base + "/fishnet-doctor-XXXXXX";
    if (!mkdtemp(&folder[0]))
        return Say(State::wrong, "self-test", base + ": no folder can be made there: " + strerror(errno),
                   "set CPL_TMPDIR to a folder that can be written to");
    {
        const MessageCollector collector;
        if (GDALGetDriverByName("FISHNET"))
            TestRaster(folder);
        if (GDALGetDriverByName("NEARTABLE"))
            TestNear(folder);
    }
    VSIRmdirRecursive(folder.c_str());
}

/* ---- the answer ---- */

int Doctor::Count(State state) const
{
    return static_cast<int>(std::count_if(m_findings.begin(), m_findings.end(),
                                          [state](const Finding &finding) { return finding.state == state; }));
}

std::string Doctor::AsText() const
{
    std::string text;
    for (const Finding &finding : m_findings) {
        text += CPLSPrintf("%-6s %-15s ",
                           finding.state == State::wrong ? "WRONG" : kStates[static_cast<int>(finding.state)],
                           finding.what.c_str()) +
                finding.text + "\n";
        if (!finding.fix.empty())
            text += "         fix: " + finding.fix + "\n";
    }
    const int wrong = Count(State::wrong), notes = Count(State::note);
    text += wrong == 0 ? "Nothing is wrong" : CPLSPrintf("%d %s wrong", wrong, wrong == 1 ? "thing is" : "things are");
    return text + (notes == 0 ? ".\n" : CPLSPrintf("; %d %s.\n", notes, notes == 1 ? "note" : "notes"));
}

std::string Doctor::AsJSON() const
{
    CPLJSONArray findings;
    for (const Finding &finding : m_findings) {
        CPLJSONObject object;
        object.Add("state", kStates[static_cast<int>(finding.state)]);
        object.Add("what", finding.what);
        object.Add("text", finding.text);
        if (!finding.fix.empty())
            object.Add("fix", finding.fix);
        findings.Add(object);
    }
    CPLJSONDocument document;
    CPLJSONObject root = document.GetRoot();
    root.Add("fishnet_version", FISHNET_VERSION);
    root.Add("gdal_version", GDALVersionInfo("RELEASE_NAME"));
    root.Add("module", m_module);
    root.Add("wrong", Count(State::wrong));
    root.Add("findings", findings);
    return document.SaveAsString();
}

void Doctor::Examine()
{
    m_module = ModuleFile();
    m_helper = HelperProgram();
    LookAtVersions();
    LookAtFiles();
    LookAtFolders();
    LookAtMachine();
    LookAtLimits();
    LookAtOptions();
    LookAtProj();
    Test();
    CPLErrorReset();
}

int AskDoctor(bool json, std::string &answer)
{
    Doctor doctor;
    doctor.Examine();
    answer = json ? doctor.AsJSON() : doctor.AsText();
    return doctor.Count(State::wrong);
}

} // namespace fishnet::commands
