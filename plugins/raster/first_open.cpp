#include "first_open.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <initializer_list>
#include <thread>

#include "file_names.h"
#include "input_lists.h"
#include "materialized.h"
#include "patient_files.h"
#include "server_rest.h"
#include "workers.h"

namespace fishnet
{

int RetriesOf(const fn_worker_options &workers)
{
    return workers.usual ? FN_RETRIES_REMOTE : std::max(0, workers.retries);
}

/* What a server has refused once, and gives when it is asked what it answers. */
static constexpr const char *kNotRead = "it cannot be read";

/* Is that a server which may give the file later, and does now not? */
static bool MayComeLater(const std::string &answer)
{
    return answer.find(kNotRead) != std::string::npos || MayPass(answer);
}

/* Before attempt `number`, from 1: pauses as those between reads, and what a server asks for. */
static double Pause(int number)
{
    constexpr double kFirst = 0.5, kMost = 5; /* seconds */
    double seconds = kFirst;
    for (int i = 1; i < number && seconds < kMost; i++)
        seconds *= 2;
    return std::max(std::min(seconds, kMost), ServersWantRest());
}

namespace
{
/* What came of one attempt. */
struct Attempt {
    DatasetHandle dataset;
    std::vector<Message> messages;
    std::string cause;
    std::string answer; /* of the server, which gives no such file, or not now */
    std::string lack;   /* what GDAL has opened it without */

    bool IsWhole() const { return dataset && lack.empty(); }
};
} // namespace

/* What a server answers to a read of a file whose size it has told. Empty: it gives it, or there is nothing in it. */
static std::string AnswerToRead(const std::string &path)
{
    const MessageCollector collector;
    char byte = 0;
    VSILFILE *file = VSIFOpenL(path.c_str(), "rb");
    const bool isEmpty = file && VSIFSeekL(file, 0, SEEK_END) == 0 && VSIFTellL(file) == 0;
    const bool isRead = file && VSIFSeekL(file, 0, SEEK_SET) == 0 && VSIFReadL(&byte, 1, 1, file) == 1;
    if (file)
        VSIFCloseL(file);
    if (isRead || isEmpty)
        return {};
    const std::string answer = AskForAnswer(path);
    return answer.empty() && file ? kNotRead : answer;
}

/* What a server answers that gives no such file, or not now; GDAL has forgotten what it knew of it. Empty: it gives
 * it. isFile: in ranges. */
static std::string AnswerOf(const std::string &path, bool isFile)
{
    std::string answer = ForgetRemote(path);
    const auto says = [&answer](const char *text) { return answer.find(text) != std::string::npos; };
    if (answer.empty())
        return isFile ? AnswerToRead(path) : answer;
    if (!says("response code") && !says("CURL error")) { /* an object store's own words, without the code */
        const std::string code = AskForAnswer(path);
        answer += code.empty() ? "" : "; " + code;
    }
    return answer;
}

static bool SaysAny(const Message &message, std::initializer_list<const char *> texts)
{
    return std::any_of(texts.begin(), texts.end(),
                       [&](const char *text) { return message.text.find(text) != std::string::npos; });
}

std::string WhatIsUnread(const MessageCollector &collector)
{
    for (const Message &message : collector.messages)
        if (SaysAny(message, {"IO error during reading", "Can not read TIFF directory", "Error fetching directory",
                              "Failed to read directory", " cannot be read: "})) /* PatientFailures() */
            return message.text;
    return {};
}

/* What GDAL has found beside a file, and not read, without a word. Empty: nothing. isThere: there is such a file. */
static std::string UnreadBeside(const std::string &path, bool &isThere)
{
    for (const char *const ending : {".aux.xml", ".msk"}) {
        constexpr vsi_l_offset kMost = 1 << 20; /* bytes of a text; GDAL keeps them */
        const std::string name = path + ending;
        VSIStatBufL status;
        if (VSIStatExL(name.c_str(), &status, VSI_STAT_EXISTS_FLAG | VSI_STAT_SIZE_FLAG | VSI_STAT_CACHE_ONLY) != 0)
            continue;
        isThere = true;
        const vsi_l_offset wanted = ending[1] == 'a' ? std::min(kMost, static_cast<vsi_l_offset>(status.st_size)) : 1;
        std::vector<char> bytes(static_cast<size_t>(wanted));
        VSILFILE *file = VSIFOpenL(name.c_str(), "rb");
        const bool isRead = file && VSIFReadL(bytes.data(), 1, bytes.size(), file) == bytes.size();
        if (file)
            VSIFCloseL(file);
        if (!isRead)
            return WithoutSecrets(name) + " cannot be read";
    }
    return {};
}

/* GDAL opens a file beyond a network without what it cannot read of it, and says so in a warning, or with an error when
 * it is asked for masks. Where it says nothing, of a file beside it, both are read again. Without tags and masks of its
 * own the file is not opened; files beside it may not be there, whatever the server answers. */
static void LookForLacks(const Input &input, const MessageCollector &collector, Attempt &attempt)
{
    bool isBeside = false;
    const bool hasBands = GDALGetRasterCount(attempt.dataset.get()) > 0;
    if (hasBands)
        (void)GDALGetMaskFlags(GDALGetRasterBand(attempt.dataset.get(), 1)); /* looks through all directories */
    if (IsFarAway(input.path) && PlainName(input.path) == input.path)
        attempt.lack = UnreadBeside(input.path, isBeside);
    if (isBeside && attempt.lack.empty())
        attempt.dataset = OpenAgain(input);
    const std::string unread = WhatIsUnread(collector);
    const bool isCut = !attempt.lack.empty() || !unread.empty() || !attempt.dataset;
    for (const Message &message : collector.messages)
        if (attempt.lack.empty() && SaysAny(message, {"HTTP response code on"}) &&
            SaysAny(message, {": 429", ": 500", ": 502", ": 503", ": 504"}))
            attempt.lack = message.text;
    if (!unread.empty())
        attempt.lack = unread;
    if (isCut)
        attempt.dataset.reset();
}

static Attempt Once(const Input &input)
{
    Attempt attempt;
    MessageCollector collector;
    attempt.dataset = OpenAgain(input);
    attempt.cause = collector.Cause("not recognized as a raster dataset");
    if (attempt.dataset && IsRemoteName(input.path))
        LookForLacks(input, collector, attempt);
    if (!attempt.lack.empty())
        attempt.cause = attempt.lack;
    attempt.messages = std::move(collector.messages);
    return attempt;
}

/* Where GDAL has not opened a file that the server gives, or not all of it, it may have got less than that before, and
 * opens it again. */
static Attempt Try(const Input &input)
{
    constexpr int kOpens = 2;
    Attempt attempt = Once(input);
    for (int opens = 1; !attempt.IsWhole() && IsRemoteName(input.path); opens++) {
        const bool isFile = IsFarAway(input.path) && attempt.cause.find("Range downloading") == std::string::npos;
        attempt.answer = AnswerOf(input.path, isFile);
        if (!attempt.answer.empty() && attempt.cause != attempt.answer)
            attempt.cause += "; " + attempt.answer;
        if (!attempt.answer.empty() || !isFile || opens == kOpens)
            break;
        CPLDebug("FISHNET", "%s cannot be opened, and is opened again", Describe(input).c_str());
        attempt = Once(input);
    }
    if (!attempt.lack.empty() && attempt.answer.empty())
        attempt.answer = kNotRead;
    return attempt;
}

/* The last of the attempts. tried: how many there were. */
static Attempt TryPatiently(const Input &input, int retries, int &tried)
{
    const int most = IsOpenedByWorker() ? 0 : retries; /* the job tries again */
    Attempt attempt = Try(input);
    for (tried = 1; !attempt.IsWhole() && tried <= most && MayComeLater(attempt.answer); tried++) {
        const std::string rest = AskForRest(input.path, attempt.answer);
        const double seconds = Pause(tried);
        CPLDebug("FISHNET", "%s cannot be opened: %s%s. Attempt %d of %d comes in %.1f s", Describe(input).c_str(),
                 attempt.answer.c_str(), rest.c_str(), tried + 1, most + 1, seconds);
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
        attempt = Try(input);
    }
    return attempt;
}

/* GeoTIFF and VRT are read by ways that know what a server has not given; others are not sure of what they read. */
static bool NeedsPatience(const std::string &path)
{
    if (!IsFarAway(path) || HasEnding(path, ".tif") || HasEnding(path, ".tiff") || HasEnding(path, ".vrt"))
        return false;
    const MessageCollector collector; /* what is wrong, opening will tell */
    const int64_t failures = PatientFailures();
    char bytes[4] = {};
    VSILFILE *file = VSIFOpenL(PatientName(path).c_str(), "rb");
    const bool isRead = file && VSIFReadL(bytes, 1, sizeof bytes, file) == sizeof bytes;
    if (file)
        VSIFCloseL(file);
    const auto begins = [&bytes](const char *text) { return memcmp(bytes, text, 2) == 0; };
    return isRead ? !begins("II") && !begins("MM") && bytes[0] != '<' && bytes[0] != '{'
                  : PatientFailures() != failures;
}

std::string NameToRead(const std::string &path)
{
    constexpr const char *kZarr = "ZARR:\""; /* a folder's name follows, whose files the driver looks for */
    if (STARTS_WITH_CI(path.c_str(), kZarr))
        return kZarr + PatientName(path.substr(strlen(kZarr)));
    return NeedsPatience(path) ? PatientName(path) : path;
}

void ReadURL(Input &input, int retries)
{
    if (!IsURL(input.path))
        return;
    const std::string url = input.path, loaded = Download(url, false, &input.results);
    int tried = 0;
    input.path = loaded.empty() ? NameOfURL(url) : loaded;
    if (!loaded.empty() || TryPatiently(input, retries, tried).dataset) /* GDAL keeps what it has read of it */
        return;
    const MessageCollector collector;
    input.path = Download(url, true, &input.results);
    if (input.path.empty() || !OpenAgain(input))
        input.path = url;
}

DatasetHandle OpenFirst(const Input &input, int retries)
{
    int tried = 0;
    Attempt attempt = TryPatiently(input, retries, tried);
    if (attempt.dataset) {
        for (const Message &message : attempt.messages)
            Emit(message);
        return std::move(attempt.dataset);
    }
    if (tried > 1)
        attempt.cause += " (tried " + std::to_string(tried) + " times)";
    if (HasWildcards(input.name) && EQUAL(input.driver, "FISHNET"))
        attempt.cause += ". A stack is given with INPUT=" + input.key + "=<wildcards>";
    CPLError(CE_Failure, CPLE_OpenFailed, "%s: input %s cannot be opened: %s", input.driver, Describe(input).c_str(),
             attempt.cause.c_str());
    return nullptr;
}

/* NULL also where GDAL has opened patient files without what a server does not give. */
static DatasetHandle OpenNamed(const std::string &name, unsigned kinds, std::string &cause)
{
    const MessageCollector collector;
    const int64_t failures = PatientFailures();
    DatasetHandle dataset(
        GDALOpenEx(name.c_str(), kinds | GDAL_OF_INTERNAL | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
    const bool isWhole = name == PlainName(name) || PatientFailures() == failures;
    cause = dataset && isWhole ? "" : collector.Cause("it is not recognized");
    return isWhole ? std::move(dataset) : DatasetHandle();
}

DatasetHandle OpenForGrid(const std::string &option, const char *name, unsigned kinds, std::string &cause)
{
    Input other;
    other.key = option;
    other.name = name;
    other.path = AbsoluteName(name);
    if (!IsRemoteName(other.path))
        return OpenNamed(name, kinds, cause);
    const std::string patient = PatientName(other.path);
    const bool mayBeLayers = (kinds & GDAL_OF_VECTOR) != 0;
    DatasetHandle dataset = mayBeLayers ? OpenNamed(patient, kinds, cause) : DatasetHandle();
    const bool isRaster = !mayBeLayers || (dataset && GDALGetRasterCount(dataset.get()) > 0);
    if (dataset && !isRaster)
        return dataset;
    int tried = 0;
    other.path = NameToRead(other.path);
    Attempt attempt = TryPatiently(other, FN_RETRIES_REMOTE, tried);
    cause = attempt.cause;
    const bool isRefused = !attempt.answer.empty() && !MayComeLater(attempt.answer);
    if (attempt.dataset || isRaster || isRefused)
        return std::move(attempt.dataset);
    return OpenNamed(patient, GDAL_OF_VECTOR, cause); /* GDAL has forgotten what it knew */
}

} // namespace fishnet
