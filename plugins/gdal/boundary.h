/* Where GDAL and the core call us. No exception may leave: hosts end when one does, and frames of C have nothing
 * that undoes what they have begun. Each entry from GDAL is a Guarded(), each callback of the core one of the
 * others.
 *
 *     int Dataset::Identify(GDALOpenInfo *info)
 *     {
 *         return Guarded("FISHNET", FALSE, [&] { return IdentifyName(info, RasterRecipes()); });
 *     }
 */
#ifndef FN_BOUNDARY_H
#define FN_BOUNDARY_H

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <cpl_error.h>
#include <gdal_priv.h>

#include "fishnet/base.h"

namespace fishnet
{

/* Takes away the handlers of errors above the one with that user data: where an exception has passed through GDAL,
 * handlers of GDAL's own are left there, and write into memory that is gone. */
inline void PopErrorHandlersAbove(const void *user)
{
    constexpr int kMost = 100;
    for (int i = 0; i < kMost && CPLGetErrorHandlerUserData() != user; i++)
        CPLPopErrorHandler();
}

/* Calls run() and gives what it returns, or `failed` where it throws: handle(text, number) is told why. */
template <class Value, class Run, class Handle> Value Catch(Value failed, Run &&run, Handle &&handle)
{
    const void *handler = CPLGetErrorHandlerUserData();
    const auto tell = [&handle, handler](const char *text, CPLErrorNum number) {
        PopErrorHandlersAbove(handler);
        try {
            handle(text, number);
        } catch (...) { /* the host's error handler, which has no memory either */
        }
    };
    try {
        return std::forward<Run>(run)();
    } catch (const std::bad_alloc &) {
        tell("out of memory", CPLE_OutOfMemory);
    } catch (const std::exception &exception) {
        tell(exception.what(), CPLE_AppDefined);
    } catch (...) {
        tell("an exception without a text", CPLE_AppDefined);
    }
    return failed;
}

/* An entry from GDAL, on a thread of the host. An exception becomes a CPLError that begins with `who`, and `failed`. */
template <class Value, class Run> Value Guarded(const char *who, Value failed, Run &&run, CPLErr level = CE_Failure)
{
    return Catch(std::move(failed), std::forward<Run>(run),
                 [who, level](const char *text, CPLErrorNum number) { CPLError(level, number, "%s: %s", who, text); });
}

/* GDAL's number for a failure of the core. */
inline CPLErrorNum ErrorNumber(fn_status status)
{
    return status == FN_ERR_MEMORY      ? CPLE_OutOfMemory
           : status == FN_ERR_CANCELLED ? CPLE_UserInterrupt
           : status == FN_ERR_READ      ? CPLE_FileIO
                                        : CPLE_AppDefined;
}

/* Where GDAL has no memory for a part of what it makes (a line of metadata, a band, an option), it says so and goes
 * on. Has it, on this thread, since the last CPLErrorReset()? GDALOpenEx() resets, too. */
inline bool HasLackedMemory()
{
    return CPLGetLastErrorType() >= CE_Failure && CPLGetLastErrorNo() == CPLE_OutOfMemory;
}

/* Has GDAL lacked memory in a stretch of code, also where it has reset that error by the end? All messages reach the
 * host, but for warnings where it has had them before. */
class LackOfMemory
{
  public:
    explicit LackOfMemory(bool warns = true) : m_warns(warns)
    {
        CPLPushErrorHandlerEx(Note, this);
        CPLSetCurrentErrorHandlerCatchDebug(FALSE);
    }
    ~LackOfMemory()
    {
        PopErrorHandlersAbove(this);
        CPLPopErrorHandler();
        PassOn();
    }
    LackOfMemory(const LackOfMemory &) = delete;
    LackOfMemory &operator=(const LackOfMemory &) = delete;

    bool IsMet() const { return m_isMet; }

  private:
    static void CPL_STDCALL Note(CPLErr level, CPLErrorNum number, const char *text)
    {
        auto *self = static_cast<LackOfMemory *>(CPLGetErrorHandlerUserData());
        self->m_isMet = self->m_isMet || (level >= CE_Failure && number == CPLE_OutOfMemory);
        if (level != CE_Warning || self->m_warns)
            self->Take(level, number, text);
    }

#if GDAL_VERSION_NUM >= GDAL_COMPUTE_VERSION(3, 8, 0)
    void Take(CPLErr level, CPLErrorNum number, const char *text)
    {
        CPLCallPreviousHandler(level, number, text);
    }
    void PassOn() {}
#else
    void Take(CPLErr level, CPLErrorNum number, const char *text)
    {
        try {
            m_messages.push_back({level, number, text});
        } catch (const std::bad_alloc &) {
            m_isMet = m_hasLost = true;
        }
    }
    void PassOn() const
    {
        const CPLErr level = CPLGetLastErrorType();
        const CPLErrorNum number = CPLGetLastErrorNo();
        char text[1024];
        snprintf(text, sizeof text, "%s", CPLGetLastErrorMsg());
        for (const auto &message : m_messages)
            CPLError(message.level, message.number, "%s", message.text.c_str());
        if (m_hasLost)
            CPLError(CE_Failure, CPLE_OutOfMemory, "out of memory");
        CPLErrorSetState(level, number, text);
    }
    struct Kept {
        CPLErr level;
        CPLErrorNum number;
        std::string text;
    };
    std::vector<Kept> m_messages;
    bool m_hasLost = false;
#endif
    bool m_isMet = false;
    const bool m_warns;
};

/* Says nothing for as long as it lives. */
class QuietErrors
{
  public:
    QuietErrors() { CPLPushErrorHandlerEx(CPLQuietErrorHandler, this); }
    ~QuietErrors()
    {
        PopErrorHandlersAbove(this);
        CPLPopErrorHandler();
    }
    QuietErrors(const QuietErrors &) = delete;
    QuietErrors &operator=(const QuietErrors &) = delete;
};

/* GDALDriver::pfnOpen. What was opened without memory for a part of it is not whole, and is closed. */
template <class Open> GDALDataset *GuardedOpen(const char *who, Open &&open)
{
    CPLErrorReset();
    return Guarded<GDALDataset *>(who, nullptr, [&]() -> GDALDataset * {
        GDALDataset *dataset;
        {
            const LackOfMemory lack;
            dataset = open();
            if (!dataset || !(lack.IsMet() || HasLackedMemory()))
                return dataset;
        }
        GDALClose(GDALDataset::ToHandle(dataset));
        return nullptr;
    });
}

/* fn_job::on_report, on a thread of the host too. It may be a warning that is lost, which is no reason to fail: it
 * becomes another one. */
template <class Run> void GuardedReport(const char *who, Run &&run)
{
    const auto all = [&run] {
        run();
        return true;
    };
    Guarded(who, false, all, CE_Warning);
}

/* A callback of the core that says why it fails. An exception becomes the error "`what`: ...", of a kind that
 * another attempt may not meet again, and `failed`. */
template <class Value, class Run> Value GuardedTask(fn_error *err, const char *what, Value failed, Run &&run)
{
    return Catch(std::move(failed), std::forward<Run>(run),
                 [err, what](const char *text, CPLErrorNum) { fn_fail(err, FN_ERR_MEMORY, "%s: %s", what, text); });
}

/* A callback that has nobody to tell, or whose `failed` says enough. */
template <class Value, class Run> Value GuardedQuietly(Value failed, Run &&run)
{
    return Catch(std::move(failed), std::forward<Run>(run), [](const char *, CPLErrorNum) {});
}

/* fn_job::task_label: name() is a std::string. Where there is none, the label stays as it is. */
template <class Name> void GuardedLabel(char *label, size_t size, Name &&name)
{
    GuardedQuietly(0, [&] { return snprintf(label, size, "%s", name().c_str()); });
}

} // namespace fishnet

#endif
