/* A configuration option of GDAL for this thread alone. */
#ifndef FN_THREAD_SETTING_H
#define FN_THREAD_SETTING_H

#include <string>

#include <cpl_conv.h>

namespace fishnet
{

/* Holds while it lives. */
class ThreadSetting
{
  public:
    /* isSet: false changes nothing. */
    ThreadSetting(const char *option, const char *value, bool isSet = true) : m_option(isSet ? option : nullptr)
    {
        const char *old = m_option ? CPLGetThreadLocalConfigOption(m_option, nullptr) : nullptr;
        m_old = old ? old : "";
        m_had = old != nullptr;
        if (m_option)
            CPLSetThreadLocalConfigOption(m_option, value);
    }
    ~ThreadSetting()
    {
        if (m_option)
            CPLSetThreadLocalConfigOption(m_option, m_had ? m_old.c_str() : nullptr);
    }
    ThreadSetting(const ThreadSetting &) = delete;
    ThreadSetting &operator=(const ThreadSetting &) = delete;

  private:
    const char *m_option;
    std::string m_old;
    bool m_had;
};

} // namespace fishnet

#endif
