/* A value for each thread. `thread_local` will not do: where there is no memory for it, or for its destructor, the C
 * library ends the process. */
#ifndef FN_PER_THREAD_H
#define FN_PER_THREAD_H

#include <memory>
#include <new>

#include <pthread.h>

namespace fishnet
{

/* For objects that live as long as the module, which GDAL does not unload: the key stays, since threads may be at work
 * still while the process ends. A thread's value ends with the thread. */
template <class Value> class PerThread
{
  public:
    PerThread() : m_hasKey(pthread_key_create(&m_key, Delete) == 0) {}
    ~PerThread() = default;
    PerThread(const PerThread &) = delete;
    PerThread &operator=(const PerThread &) = delete;

    /* This thread's value, if it has asked for one by Get(); or NULL. */
    Value *Find() const { return m_hasKey ? static_cast<Value *>(pthread_getspecific(m_key)) : nullptr; }
    /* Makes one if there is none. Throws std::bad_alloc. */
    Value &Get()
    {
        if (Value *value = Find())
            return *value;
        auto value = std::make_unique<Value>();
        if (!m_hasKey || pthread_setspecific(m_key, value.get()) != 0)
            throw std::bad_alloc();
        return *value.release();
    }

  private:
    static void Delete(void *value) { delete static_cast<Value *>(value); }

    pthread_key_t m_key = 0;
    bool m_hasKey;
};

} // namespace fishnet

#endif
