#include "window.h"

bool fn_window_is_within(fn_window w, fn_error *err)
{
    const bool good = w.x >= 0 && w.y >= 0 && w.width >= 0 && w.height >= 0 && w.x <= INT32_MAX && w.y <= INT32_MAX &&
                      w.width <= INT32_MAX - w.x && w.height <= INT32_MAX - w.y;
    if (!good)
        fn_fail(err, FN_ERR_ARGUMENT, "a window lies outside of rows and columns 0..%d", INT32_MAX);
    return good;
}
