#include "closing.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <gdal.h>

namespace fishnet
{

namespace
{
struct Closing {
    std::mutex mutex;
    std::condition_variable changed;
    int crews = 0;
};
/* Never destroyed: a thread that closes a crew may outlive the program's static objects. */
Closing &TheClosing()
{
    static Closing *closing = new Closing();
    return *closing;
}
} // namespace

bool CloseCrew(Crew *crew)
{
    constexpr double kPatience = 0.1; /* seconds */
    if (crew->TryStop(kPatience)) {
        delete crew;
        return true;
    }
    /* A long task, or a worker that waits for the lock that the host holds while it waits for us. The new thread asks for that
     * lock: if it is to be had, the workers will come to an end by themselves and are waited for. */
    struct State {
        bool lockIsFree = false, closed = false;
    };
    auto state = std::make_shared<State>();
    Closing &closing = TheClosing();
    std::unique_lock<std::mutex> lock(closing.mutex);
    closing.crews++;
    crew->Leave();
    std::thread([crew, state, &closing]() {
        GDALClose(GDALCreate(GDALGetDriverByName("MEM"), "", 1, 1, 0, GDT_Byte, nullptr));
        {
            std::lock_guard<std::mutex> guard(closing.mutex);
            state->lockIsFree = true;
            closing.changed.notify_all();
        }
        crew->Stop();
        delete crew;
        std::lock_guard<std::mutex> guard(closing.mutex);
        state->closed = true;
        closing.crews--;
        closing.changed.notify_all();
    }).detach();
    closing.changed.wait_for(lock, std::chrono::duration<double>(kPatience), [&] { return state->lockIsFree; });
    if (state->lockIsFree)
        closing.changed.wait(lock, [&] { return state->closed; });
    return state->closed;
}

void WaitForClosing()
{
    Closing &closing = TheClosing();
    std::unique_lock<std::mutex> lock(closing.mutex);
    closing.changed.wait(lock, [&] { return closing.crews == 0; });
}

} // namespace fishnet
